# SPDX-License-Identifier: MIT
# bash completion for gorgon.  Commands and options are asked of the tool itself, so this cannot fall behind it.

_gorgon_commands()
{
	"$1" --help 2>/dev/null | sed -n 's/^  \([a-z]*\)  .*/\1/p'
}

_gorgon_options()
{
	"$1" "$2" --help 2>/dev/null | grep -o -- '--[a-z][a-z-]*=\{0,1\}' | sort -u
}

# Words that an option can have, where there are few.
_gorgon_values()
{
	case $1 in
	--args) echo typed go words none ;;
	--color) echo auto always never ;;
	--group) echo lines exact pointers none ;;
	--leaks) echo off warn fail ;;
	--by) echo id stack ;;
	esac
}

_gorgon()
{
	local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} option=

	COMPREPLY=()
	if ((COMP_CWORD == 1)); then
		COMPREPLY=($(compgen -W "$(_gorgon_commands "$1")" -- "$word"))
		return
	fi
	# bash splits --args=ty into --args, = and ty.
	if [[ $word == = ]]; then
		option=$before word=
	elif [[ $before == = ]]; then
		option=${COMP_WORDS[COMP_CWORD - 2]}
	elif [[ $before == --* ]]; then
		option=$before
	fi
	if [[ -n $option && -n $(_gorgon_values "$option") ]]; then
		COMPREPLY=($(compgen -W "$(_gorgon_values "$option")" -- "$word"))
	elif [[ $word == -* ]]; then
		COMPREPLY=($(compgen -W "$(_gorgon_options "$1" "${COMP_WORDS[1]}")" -- "$word"))
		[[ ${COMPREPLY[0]} != *= ]] || compopt -o nospace
	elif [[ ${COMP_WORDS[1]} == run ]]; then
		COMPREPLY=($(compgen -c -- "$word") $(compgen -f -- "$word"))
	else
		COMPREPLY=($(compgen -W "$(cd /proc && echo [0-9]*)" -- "$word") $(compgen -f -- "$word"))
	fi
}

complete -F _gorgon gorgon

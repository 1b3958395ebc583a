# SPDX-License-Identifier: MIT
# exports.awk: from a preprocessed header, the names of everything marked GOR_API (which the test defines as
# the word GORI_EXPORTED), one a line.

{ text = text " " $0 }

END {
	n = split(text, part, "GORI_EXPORTED")
	for (i = 2; i <= n; i++) {
		sub(/[;{].*/, "", part[i])
		while (sub(/__attribute__ *\(\([^()]*(\([^()]*\)[^()]*)*\)\)/, "", part[i]))
			;
		if (match(part[i], /(gor|gori|chan)_[A-Za-z0-9_]* *\(/))
			name = substr(part[i], RSTART, RLENGTH - 1)
		else if (match(part[i], /\(\*[^()]*\)/))
			name = variables(substr(part[i], RSTART + 1, RLENGTH - 2))
		else
			name = variables(part[i])
		gsub(/ /, "", name)
		print name
	}
}

# From "extern const char a[], b" the lines a and b.
function variables(text,    word, n, i, out) {
	gsub(/\[[^]]*\]/, "", text)
	n = split(text, word, ",")
	for (i = 1; i <= n; i++) {
		match(word[i], /[A-Za-z_][A-Za-z0-9_]* *$/)
		out = out (i > 1 ? "\n" : "") substr(word[i], RSTART, RLENGTH)
	}
	return out
}

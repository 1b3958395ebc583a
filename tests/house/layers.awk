# SPDX-License-Identifier: MIT
# layers.awk: awk -f layers.awk doc/layers.txt FILES...; prints every include that the table does not allow.

function layer_of(path,    part, n) {
	n = split(path, part, "/")
	return part[1] == "tools" ? "tools" : part[2]
}

# The layer that an include names: by its folder; the file's own if there is none, "" if it is not ours.
function target_of(name, quoted,    part, n) {
	if (name == "gorgon.h" || name ~ /^gorgon\//)
		return "include"
	n = split(name, part, "/")
	if (!quoted)
		return ""
	return n > 1 ? part[1] : own
}

function allowed(from, to) {
	return from == to || sees[from, to] || sees[from, tree[to]] ||
		sees[from, "below"] && tree[from] == tree[to] && rank[to] < rank[from]
}

FNR == NR {
	if ($0 !~ /^#/ && NF > 2) {
		tree[$2] = $1; rank[$2] = ++count
		for (i = 3; i <= NF; i++) sees[$2, $i] = 1
	}
	next
}

/^[ \t]*#[ \t]*include[ \t]*["<]/ {
	path = FILENAME; sub(/^\.\//, "", path)
	own = layer_of(path)
	quoted = /"/
	name = $0; sub(/^[^"<]*["<]/, "", name); sub(/[">].*/, "", name)
	to = target_of(name, quoted)
	if (to != "" && !(own in rank)) { print path ":" FNR ": layer " own " is not in the table"; bad = 1 }
	else if (to != "" && !(to in rank)) { print path ":" FNR ": " name " is in no known layer"; bad = 1 }
	else if (to != "" && !allowed(own, to)) { print path ":" FNR ": " own " may not include " to " (" name ")"; bad = 1 }
}

END { exit bad }

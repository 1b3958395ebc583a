# SPDX-License-Identifier: MIT
# layers.awk: awk -f layers.awk doc/layers.txt FILES...; prints every include that the table does not allow.

# Two trees may have layers of the same name: a key is TREE/LAYER.
function key_of(path,    part, n) {
	n = split(path, part, "/")
	return part[1] == "tools" ? "tools/tools" : part[1] "/" part[2]
}

# The layer that an include names: by its folder; the file's own if there is none, "" if it is not ours.
function target_of(name, quoted,    part, n) {
	if (name == "gorgon.h" || name ~ /^gorgon\//)
		return "include"
	n = split(name, part, "/")
	if (!quoted)
		return ""
	return n > 1 ? part[1] : layer[own]
}

function allowed(from, to) {
	return from == to || sees[from, layer[to]] || sees[from, tree[to]] ||
		sees[from, "below"] && tree[from] == tree[to] && rank[to] < rank[from]
}

# Does any layer of that name do?
function allowed_name(from, name,    to) {
	for (to in rank)
		if (layer[to] == name && allowed(from, to))
			return 1
	return 0
}

FNR == NR {
	if ($0 !~ /^#/ && NF > 2) {
		key = $1 "/" $2
		tree[key] = $1; layer[key] = $2; known[$2] = 1; rank[key] = ++count
		for (i = 3; i <= NF; i++) sees[key, $i] = 1
	}
	next
}

/^[ \t]*#[ \t]*include[ \t]*["<]/ {
	path = FILENAME; sub(/^\.\//, "", path)
	own = key_of(path)
	quoted = /"/
	name = $0; sub(/^[^"<]*["<]/, "", name); sub(/[">].*/, "", name)
	to = target_of(name, quoted)
	if (to != "" && !(own in rank)) { print path ":" FNR ": layer " own " is not in the table"; bad = 1 }
	else if (to != "" && !(to in known)) { print path ":" FNR ": " name " is in no known layer"; bad = 1 }
	else if (to != "" && !allowed_name(own, to)) { print path ":" FNR ": " own " may not include " to " (" name ")"; bad = 1 }
}

END { exit bad }

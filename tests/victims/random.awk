# SPDX-License-Identifier: MIT
# random.awk: awk -v seed=N -f random.awk: writes a victim with functions of random arguments, called in chains, and what
# a dump of it must show.  Every argument is printed with the value it was given or, optimised, as unknown; none
# is ever changed.  The same seed makes the same program with every awk.

function random(n) {
	state = (state * 16807) % 2147483647
	return int(state / 64) % n
}

function between(low, high) { return low + random(high - low + 1) }
function one_in(n) { return random(n) == 0 }

# ---- values: text[v] is how the dump shows it, code[v] C, kind[v] its type -----------------------------------------------

# A value that the compiler knows, or not.
function hide(value) { return one_in(3) ? "(" value ")" : "number(" value ")" }

function integer(low, high) {
	number_ = between(low, high)
	value_text = number_ ""
	value_code = hide(number_)
}

function real(    k) {
	k = between(-4000, 4000)
	value_text = k / 4 ""
	value_code = "(" hide(k) " / 4.0)"
}

# Sets value_text and value_code.
function value(type,    s, i, texts, codes) {
	if (type == "bool") {
		i = random(2)
		value_text = i ? "true" : "false"
		value_code = hide(i) " != 0"
	} else if (type == "char") {
		i = random(26)
		value_text = "'" substr("abcdefghijklmnopqrstuvwxyz", i + 1, 1) "'"
		value_code = "(char)" hide(97 + i)
	} else if (type == "signed char") { integer(-128, 127); value_code = "(signed char)" value_code
	} else if (type == "unsigned char") { integer(0, 255); value_code = "(unsigned char)" value_code
	} else if (type == "short") { integer(-32768, 32767); value_code = "(short)" value_code
	} else if (type == "unsigned short") { integer(0, 65535); value_code = "(unsigned short)" value_code
	} else if (type == "int") { integer(-1000000, 1000000)
	} else if (type == "unsigned") { integer(0, 2000000); value_code = "(unsigned)" value_code
	} else if (type == "long") { integer(-1000000, 1000000); value_code = "(long)" value_code " * 1000003"; value_text = product(number_)
	} else if (type == "unsigned long") { integer(0, 1000000); value_code = "(unsigned long)" value_code
	} else if (type == "float" || type == "double" || type == "long double") { real(); value_code = "(" type ")" value_code
	} else if (type == "enum colour") {
		i = random(3)
		value_text = i == 0 ? "RED" : i == 1 ? "GREEN" : "BLUE"
		value_code = "(enum colour)" hide(i == 2 ? 40 : i)
	} else if (type == "const char *") {
		value_text = "\"text" between(1, 999) "\""
		value_code = one_in(2) ? value_text : "hidden(" value_text ")"
	} else if (type == "void *") {
		i = between(4097, 60000)
		value_text = sprintf("0x%x", i)
		value_code = "(void *)(long)" hide(i)
	} else if (type == "order *") {
		value_text = "&order_fn"
		value_code = "order_fn"
	} else { # a struct
		texts = codes = ""
		for (i = 0; i < members[type]; i++) {
			value(member[type, i])
			texts = texts (i ? ", " : "") "m" i ": <" value_text "|_>"
			codes = codes (i ? ", " : "") value_code
		}
		value_text = type "{" texts "}"
		value_code = "(" type "){ " codes " }"
	}
}

# n * 1000003, which may be more than an awk's %d knows.
function product(n,    high, low, sign) {
	sign = n < 0 ? "-" : ""
	if (n < 0) n = -n
	high = n + int(n * 3 / 1000000)
	low = (n * 3) % 1000000
	return n == 0 ? "0" : sign (high > 0 ? high sprintf("%06d", low) : low)
}

# ---- types --------------------------------------------------------------------------------------------------------------

function scalar() {
	return scalars[random(nscalars)]
}

function any_type() { return one_in(4) ? "struct s" random(nstructs) : scalar() }

function declare(type, name) { return type (type ~ /\*$/ ? "" : " ") name }

# Statements that read a value.
function use(type, name,    i) {
	if (type in members) {
		i = random(members[type])
		return use(member[type, i], name ".m" i)
	}
	if (type == "float" || type == "double") return "KEEP_FLOAT(" name ");"
	if (type == "long double") return "KEEP_LONG_DOUBLE(" name ");"
	if (type ~ /char$|short$|bool/) return "KEEP((int)" name ");"
	return "KEEP(" name ");"
}

# ---- the program ----------------------------------------------------------------------------------------------------------

# A parameter of the function being made: its type, and the value it is given.
function parameter(type, text, code) {
	types[n] = type
	texts_[n] = text
	codes_[n] = code
	n++
}

# The text without the choices in it: what it is when all is known.
function strict(text) {
	while (match(text, /<[^<>]*\|_>/))
		text = substr(text, 1, RSTART - 1) substr(text, RSTART + 1, RLENGTH - 4) substr(text, RSTART + RLENGTH)
	return text
}

# How the function calls the inner one: some of what that needs it was given itself.
function call_inner(    i, args) {
	if (!inner_name) return "hold()"
	args = ""
	for (i = 0; i < inner_n; i++) {
		if (one_in(3)) {
			parameter(inner_type[i], inner_text[i], inner_code[i])
			args = args (i ? ", " : "") "a" (n - 1)
		} else {
			args = args (i ? ", " : "") inner_code[i]
		}
	}
	return inner_name "(" args ")"
}

# Function f of a chain, which calls the one before it, or waits.
function make_function(f,    i, more, type, params, typed, loose, call) {
	n = 0
	more = one_in(3) ? random(10) : random(5)
	for (i = 0; i < more; i++) {
		type = any_type()
		value(type)
		parameter(type, value_text, value_code)
	}
	call = call_inner()
	params = typed = loose = ""
	for (i = 0; i < n; i++) {
		params = params (i ? ", " : "") declare(types[i], "a" i)
		typed = typed (i ? ", " : "") "a" i "=" strict(texts_[i])
		loose = loose (i ? ", " : "") "<a" i "|a" i "@entry>=<" texts_[i] "|_>"
	}
	print "\n/* expect: " f "(" typed ") */"
	print "/* expect-O2: " f "(" loose ") */"
	print (one_in(3) ? "" : "static ") "NOINLINE void " f "(" (n ? params : "void") ");"
	print "void " f "(" (n ? params : "void") ")\n{"
	for (i = 0; i < n; i++) if (one_in(3)) print "\t" use(types[i], "a" i)
	print "\t" call ";"
	for (i = 0; i < n; i++) if (one_in(2)) print "\t" use(types[i], "a" i)
	for (i = 0; i < n; i++) print "\t(void)a" i ";"
	if (!one_in(4)) print "\tvictim_sink++;"
	print "}"
	inner_name = f
	inner_n = n
	for (i = 0; i < n; i++) {
		inner_type[i] = types[i]
		inner_text[i] = texts_[i]
		inner_code[i] = codes_[i]
	}
}

# What a go statement or a call passes.
function all_codes(    i, args) {
	args = ""
	for (i = 0; i < inner_n; i++) args = args (i ? ", " : "") inner_code[i]
	return args
}

BEGIN {
	state = seed * 7919 + 12345
	for (i = 0; i < 10; i++) random(2)
	nscalars = split("bool,char,signed char,unsigned char,short,unsigned short,int,unsigned,long,unsigned long,float,double,long double,enum colour,const char *,void *,order *", names, ",")
	for (i = 1; i <= nscalars; i++) scalars[i - 1] = names[i]
	print "/* Written by random.awk, seed " seed ". */"
	print "#include \"victim.h\""
	print "#define KEEP_LONG_DOUBLE(x) do { long double kept = (x); KEEP_MEMORY(kept); } while (0)"
	print "enum colour { RED, GREEN, BLUE = 40 };"
	print "typedef int order(int);"
	print "static NOINLINE int order_fn(int a) { return a + victim_sink; }"
	print "static inline __attribute__((unused)) const char *hidden(const char *s) { __asm__ volatile(\"\" : \"+r\"(s)); return s; }"
	nstructs = 10
	for (i = 0; i < nstructs; i++) {
		type = "struct s" i
		n = between(1, 4)
		members[type] = n
		print type " {"
		for (j = 0; j < n; j++) {
			member[type, j] = scalar()
			print "\t" declare(member[type, j], "m" j) ";"
		}
		print "};"
	}
	chains = 12
	for (c = 0; c < chains; c++) {
		inner_name = ""
		depth = between(1, 5)
		for (d = 0; d < depth; d++) make_function("f" c "_" d)
		print "\nstatic void run" c "(void)\n{\n\t" inner_name "(" all_codes() ");\n\tvictim_sink++;\n}"
	}
	print "\nint main(void)\n{\n\tvictim_begin();"
	for (c = 0; c < chains; c++) print "\tgo(run" c ");"
	print "\tvictim_end();\n}"
}

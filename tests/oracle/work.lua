-- SPDX-License-Identifier: MIT
-- What lua does while it is looked at: the parser, sorting with a callback, patterns, coroutines, errors, strings.
local function fib(n) if n < 2 then return n end return fib(n - 1) + fib(n - 2) end

local function sorted(n)
	local t = {}
	for i = 1, n do t[i] = tostring((i * 7919) % n) .. "x" end
	table.sort(t, function(a, b) return a < b end)
	return t
end

local function replaced(text)
	return (text:gsub("%w+", function(w) return string.format("%s:%d:%5.2f", w:upper(), #w, #w / 3) end))
end

local function compiled(n)
	local parts = {}
	for i = 1, n do parts[i] = ("local v%d = { a = %d, b = 'x%d', [%d] = function(p) return p + %d end }"):format(i % 100, i, i, i, i) end
	return #parts, load("do " .. table.concat(parts, " end do ") .. " end return 1")()
end

local function nested(depth)
	if depth == 0 then error({ code = 42 }) end
	local ok, e = pcall(nested, depth - 1)
	error(e)
end

local produce = coroutine.wrap(function()
	for i = 1, 1e9 do coroutine.yield(setmetatable({ i = i }, { __index = function(t, k) return k .. t.i end })) end
end)

for round = 1, 200 do
	fib(16)
	sorted(300)
	replaced(("the quick brown fox jumps over "):rep(20))
	compiled(60)
	pcall(nested, 20)
	for i = 1, 50 do local o = produce(); local s = o.name .. o.other end
	io.write(round, " ", collectgarbage("count") > 0 and "k" or "", "\n")
	io.stdout:flush()
end

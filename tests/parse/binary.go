// SPDX-License-Identifier: MIT
// Panics at the bottom of calls with arguments of many types; binary-test reads the traceback.
package main

import (
	"errors"
	"os"
	"time"
)

type point struct{ X, Y int }
type server struct {
	name string
	port uint16
}
type big struct {
	A [3]int32
	S string
	E error
	P *point
}

//go:noinline
func Example(slice []string, str string, i int) { small(true, false, true, 25) }

//go:noinline
func small(b1, b2, b3 bool, i uint8) {
	(&server{"x", 80}).serve(-1, point{4, 5}, 2.5, errors.New("x"), map[string]int{}, make(chan int))
}

//go:noinline
func (s *server) serve(x int32, p point, f float64, e error, m map[string]int, c chan int) {
	server{"by value", 443}.handle(big{A: [3]int32{-7, 8, 9}, S: "hi"}, 1, 2, 3)
}

//go:noinline
func (s server) handle(b big, x, y, z int) { generic("five", 3+4i, time.Second, [2]bool{true, false}) }

//go:noinline
func generic[K any](k K, c complex128, d time.Duration, bs [2]bool) {
	nested(struct {
		a struct{ b struct{ c struct{ d int } } }
	}{}, struct{}{}, func() {}, any(7), []any{1})
}

//go:noinline
func nested(deep any, none struct{}, fn func(), v any, vs []any) {
	func(n int, names ...string) {
		if len(os.Args) > 1 {
			panic(os.Args[1])
		}
	}(len(vs), "a", "b")
}

func main() {
	Example(make([]string, 2, 4), "hello", 10)
}

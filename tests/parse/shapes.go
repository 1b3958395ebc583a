// SPDX-License-Identifier: MIT

// A Go program of many shapes of stacks and arguments, that dies in the way that it is told.
package main

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"sync"
	"syscall"
	"time"
)

type point struct{ X, Y int32 }
type server struct {
	name string
	port int
	opts map[string]any
}
type handler interface{ Handle(n int, s string) error }

func (s *server) Handle(n int, str string) error { blocked(s, n, []byte(str)); return nil }

//go:noinline
func blocked(s *server, n int, b []byte) { select {} }

//go:noinline
func generic[K comparable, V any](m map[K]V, k K, f func(K) V) { m[k] = f(k); time.Sleep(time.Hour) }

//go:noinline
func variadic(a int, rest ...any) { time.Sleep(time.Hour); fmt.Println(a, rest) }

//go:noinline
func arrays(a [3]uint16, p *point, q point, c complex128, e error) {
	time.Sleep(time.Hour)
	fmt.Println(a, p, q, c, e)
}

//go:noinline
func many(a, b, c, d, e, f, g, h, i, j, k, l int8) {
	time.Sleep(time.Hour)
	fmt.Println(a, b, c, d, e, f, g, h, i, j, k, l)
}

//go:noinline
func deep(n int, s string) {
	if n == 0 {
		boom(n, s)
	}
	deep(n-1, s+"x")
	fmt.Print(s)
}

//go:noinline
func boom(n int, s string) { time.Sleep(50 * time.Millisecond); mode(os.Args[1], n, s) }

func mode(how string, n int, s string) {
	switch how {
	case "panic":
		panic(fmt.Sprintf("boom %d", n))
	case "error":
		panic(fmt.Errorf("wrapped: %w", os.ErrNotExist))
	case "struct":
		panic(point{1, 2})
	case "nilmap":
		var m map[string]int
		m["a"] = 1
	case "nilptr":
		var p *server
		fmt.Println(p.port)
	case "index":
		var a []int
		fmt.Println(a[n])
	case "div":
		fmt.Println(1 / n)
	case "conv":
		var x any = 3
		fmt.Println(x.(string))
	case "nested":
		defer func() { defer func() { panic("third") }(); panic("second\nline two") }()
		panic("first")
	case "repanic":
		defer func() { r := recover(); panic(r) }()
		panic("original")
	case "recovered":
		defer func() { fmt.Fprintln(os.Stderr, "recovered", recover()); panic("after") }()
		panic("original")
	case "goexit":
		runtime.Goexit()
	case "stack":
		var f func(int) int
		f = func(i int) int { return f(i+1) + 1 }
		fmt.Println(f(0))
	case "printstack":
		debug.PrintStack()
		buf := make([]byte, 1<<20)
		os.Stderr.Write(buf[:runtime.Stack(buf, true)])
		os.Exit(0)
	case "quit":
		syscall.Kill(os.Getpid(), syscall.SIGQUIT)
		time.Sleep(time.Hour)
	case "segv":
		nilcall()
	case "concurrent":
		m := map[int]int{}
		for i := 0; i < 4; i++ {
			go func() {
				for {
					m[1]++
				}
			}()
		}
		time.Sleep(time.Hour)
	case "unlock":
		var mu sync.Mutex
		mu.Unlock()
	case "closenil":
		var c chan int
		close(c)
	case "oom":
		_ = make([]byte, 1<<62>>uint(n))
	}
}

//go:noinline
func nilcall() { var f func(); f() }

func main() {
	debug.SetMaxStack(1 << 20) // an overflow need not take a second
	s := &server{"srv", 80, nil}
	var h handler = s
	if os.Args[1] == "deadlock" || os.Args[1] == "goexit" {
		var wg sync.WaitGroup
		wg.Add(1)
		go blocked(s, 1, nil)
		if os.Args[1] == "goexit" {
			runtime.Goexit()
		}
		wg.Wait()
	}
	go h.Handle(42, "hello")
	go generic(map[string]int{}, "key", func(string) int { return 1 })
	go variadic(1, "x", 2.5, nil)
	go arrays([3]uint16{1, 2, 3}, &point{4, 5}, point{6, 7}, 1+2i, os.ErrExist)
	go many(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12)
	go func(a, b bool, u uint8) { var c chan int; <-c }(true, false, 25)
	var mu sync.Mutex
	mu.Lock()
	go func() { mu.Lock() }()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() { <-ctx.Done() }()
	r, _, _ := os.Pipe()
	go r.Read(make([]byte, 8))
	for i := 0; i < 5; i++ {
		go func(i int) { c := make(chan int); c <- i }(i)
	}
	n := 3
	if os.Args[1] == "elide" {
		n = 200
		os.Args[1] = "panic"
	}
	deep(n, "start")
}

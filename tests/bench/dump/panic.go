// SPDX-License-Identifier: MIT
//
// What tests/crash/dump_bench.c does, in Go: N goroutines park five frames deep, and the program panics.
// panic N FILE: the traceback goes to FILE; the time when it begins, in ns since 1970, to standard output.
package main

import (
	"fmt"
	"os"
	"strconv"
	"syscall"
	"time"
)

var never, ready = make(chan int), make(chan int)
var depthSum int

//go:noinline
func deep(depth, n int) {
	if depth > 1 {
		deep(depth-1, n)
	} else {
		ready <- n
		<-never
	}
	depthSum += depth
}

//go:noinline
func park(n int) {
	deep(4, n)
	depthSum++
}

func main() {
	n, _ := strconv.Atoi(os.Args[1])
	file, err := os.Create(os.Args[2])
	if err != nil {
		panic(err)
	}
	for i := 0; i < n; i++ {
		go park(i)
	}
	for i := 0; i < n; i++ {
		<-ready
	}
	time.Sleep(100 * time.Millisecond)
	syscall.Dup2(int(file.Fd()), 2)
	fmt.Println(time.Now().UnixNano())
	panic("measured from outside")
}

// SPDX-License-Identifier: MIT

// skynet: a tree of goroutines with a million leaves adds up their numbers; seconds.
package main

import "time"

func node(up chan int, num, size int) {
	if size == 1 {
		up <- num
		return
	}
	sum, c := 0, make(chan int)
	for i := 0; i < fanout; i++ {
		go node(c, num+i*(size/fanout), size/fanout)
	}
	for i := 0; i < fanout; i++ {
		sum += <-c
	}
	up <- sum
}

func run(n int) time.Duration {
	c := make(chan int)
	start := time.Now()
	go node(c, 0, n)
	sum := <-c
	d := time.Since(start)
	if sum != n*(n-1)/2 {
		fail("skynet: wrong sum")
	}
	return d
}

func main() {
	run(leaves / warmup)
	report("skynet", "s", run(leaves).Seconds(), leaves)
}

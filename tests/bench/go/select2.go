// SPDX-License-Identifier: MIT

// select2: a producer sends to two unbuffered channels in turn, a select of
// two receives; ns per select.
package main

import "time"

func produce(c []chan int, n int) {
	for i := 0; i < n; i++ {
		c[i%len(c)] <- i
	}
}

func run(n int) time.Duration {
	c := make([]chan int, 2)
	for i := range c {
		c[i] = make(chan int)
	}
	a, b := c[0], c[1]
	sum := 0
	start := time.Now()
	go produce(c, n)
	for i := 0; i < n; i++ {
		select {
		case v := <-a:
			sum += v
		case v := <-b:
			sum += v
		}
	}
	d := time.Since(start)
	if sum != n*(n-1)/2 {
		fail("select2: wrong sum")
	}
	return d
}

func main() {
	perOp("select2", selectN, run)
}

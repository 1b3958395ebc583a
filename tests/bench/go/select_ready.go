// SPDX-License-Identifier: MIT

// select_ready: one goroutine fills one of eight channels of one place, then a
// select of eight receives finds it; ns per send and select.
package main

import "time"

func run(n int) time.Duration {
	c := make([]chan int, 8)
	for i := range c {
		c[i] = make(chan int, 1)
	}
	c0, c1, c2, c3, c4, c5, c6, c7 := c[0], c[1], c[2], c[3], c[4], c[5], c[6], c[7]
	sum := 0
	start := time.Now()
	for i := 0; i < n; i++ {
		c[i%8] <- i
		select {
		case v := <-c0:
			sum += v
		case v := <-c1:
			sum += v
		case v := <-c2:
			sum += v
		case v := <-c3:
			sum += v
		case v := <-c4:
			sum += v
		case v := <-c5:
			sum += v
		case v := <-c6:
			sum += v
		case v := <-c7:
			sum += v
		}
	}
	d := time.Since(start)
	if sum != n*(n-1)/2 {
		fail("select_ready: wrong sum")
	}
	return d
}

func main() {
	perOp("select_ready", selectN, run)
}

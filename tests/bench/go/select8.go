// SPDX-License-Identifier: MIT

// select8: a producer sends to eight unbuffered channels in turn, a select of
// eight receives; ns per select.
package main

import "time"

func produce(c []chan int, n int) {
	for i := 0; i < n; i++ {
		c[i%len(c)] <- i
	}
}

func run(n int) time.Duration {
	c := make([]chan int, 8)
	for i := range c {
		c[i] = make(chan int)
	}
	c0, c1, c2, c3, c4, c5, c6, c7 := c[0], c[1], c[2], c[3], c[4], c[5], c[6], c[7]
	sum := 0
	start := time.Now()
	go produce(c, n)
	for i := 0; i < n; i++ {
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
		fail("select8: wrong sum")
	}
	return d
}

func main() {
	perOp("select8", selectN, run)
}

// SPDX-License-Identifier: MIT

// buffered: one producer, one consumer, a channel of 128; ns per item.
package main

import "time"

func produce(c chan int, n int) {
	for i := 0; i < n; i++ {
		c <- i
	}
}

func run(n int) time.Duration {
	c := make(chan int, bufferedCap)
	start := time.Now()
	go produce(c, n)
	for i := 0; i < n; i++ {
		if <-c != i {
			fail("buffered: wrong value")
		}
	}
	return time.Since(start)
}

func main() {
	perOp("buffered", bufferedN, run)
}

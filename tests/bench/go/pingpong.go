// SPDX-License-Identifier: MIT

// pingpong: a value goes to and fro over two unbuffered channels; ns per round trip.
package main

import "time"

func echo(ping, pong chan int) {
	for v := range ping {
		pong <- v
	}
}

func run(n int) time.Duration {
	ping, pong := make(chan int), make(chan int)
	go echo(ping, pong)
	start := time.Now()
	for i := 0; i < n; i++ {
		ping <- i
		if <-pong != i {
			fail("pingpong: wrong value")
		}
	}
	d := time.Since(start)
	close(ping)
	return d
}

func main() {
	perOp("pingpong", pingpongN, run)
}

// SPDX-License-Identifier: MIT

// sieve: the chain of filters up to the 2,000th prime; seconds for the whole.
package main

import "time"

func generate(out chan int) {
	for i := 2; ; i++ {
		out <- i
	}
}

func filter(in, out chan int, prime int) {
	for {
		i := <-in
		if i%prime != 0 {
			out <- i
		}
	}
}

// The chain is left parked: a second run is not disturbed by it.
func run(n int) (prime int, d time.Duration) {
	start := time.Now()
	in := make(chan int)
	go generate(in)
	for i := 0; i < n; i++ {
		prime = <-in
		out := make(chan int)
		go filter(in, out, prime)
		in = out
	}
	return prime, time.Since(start)
}

func main() {
	run(primes / warmup)
	prime, d := run(primes)
	if prime != lastPrime {
		fail("sieve: wrong prime")
	}
	report("sieve", "s", d.Seconds(), primes)
}

// SPDX-License-Identifier: MIT

// yield: eight goroutines give way to each other; ns per switch.
package main

import (
	"runtime"
	"sync"
	"time"
)

func yielder(wg *sync.WaitGroup, n int) {
	for i := 0; i < n; i++ {
		runtime.Gosched()
	}
	wg.Done()
}

func run(n int) time.Duration {
	var wg sync.WaitGroup
	start := time.Now()
	wg.Add(yielders)
	for i := 0; i < yielders; i++ {
		go yielder(&wg, n/yielders)
	}
	wg.Wait()
	return time.Since(start)
}

func main() {
	perOp("yield", yieldN, run)
}

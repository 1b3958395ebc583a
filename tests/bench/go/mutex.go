// SPDX-License-Identifier: MIT

// mutex: eight goroutines add to one counter under one mutex; ns per lock and unlock.
package main

import (
	"sync"
	"time"
)

var (
	mu      sync.Mutex
	counter int
)

func locker(wg *sync.WaitGroup, n int) {
	for i := 0; i < n; i++ {
		mu.Lock()
		counter++
		mu.Unlock()
	}
	wg.Done()
}

func run(n int) time.Duration {
	var wg sync.WaitGroup
	counter = 0
	start := time.Now()
	wg.Add(lockers)
	for i := 0; i < lockers; i++ {
		go locker(&wg, n/lockers)
	}
	wg.Wait()
	d := time.Since(start)
	if counter != n {
		fail("mutex: lost an update")
	}
	return d
}

func main() {
	perOp("mutex", mutexN, run)
}

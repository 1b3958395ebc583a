// SPDX-License-Identifier: MIT

// sleepers: 100,000 goroutines each sleep 100 ms once; ms from the first start
// to the last end.
package main

import (
	"sync"
	"time"
)

func sleeper(wg *sync.WaitGroup) {
	time.Sleep(sleepFor)
	wg.Done()
}

func run(n int) time.Duration {
	var wg sync.WaitGroup
	start := time.Now()
	wg.Add(n)
	for i := 0; i < n; i++ {
		go sleeper(&wg)
	}
	wg.Wait()
	return time.Since(start)
}

func main() {
	run(sleepers / 100)
	report("sleepers", "ms", run(sleepers).Seconds()*1e3, sleepers)
}

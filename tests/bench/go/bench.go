// SPDX-License-Identifier: MIT

// What every Go benchmark shares. The counts repeat those of ../bench.h.
package main

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"
)

const (
	warmup      = 10
	yielders    = 8
	yieldN      = 4000000
	pingpongN   = 1000000
	bufferedN   = 4000000
	bufferedCap = 128
	spawnN      = 1000000
	batch       = 1000
	lockers     = 8
	mutexN      = 8000000
	primes      = 2000
	lastPrime   = 17389
	selectN     = 1000000
	leaves      = 1000000
	fanout      = 10
	sleepers    = 100000
	sleepFor    = 100 * time.Millisecond
	parkedN     = 100000
	delayFor    = 2000 * time.Millisecond
	qsortN      = 4000000
)

// The runtime has read GOMAXPROCS; without it one is meant, as in bench.h.
func init() {
	if os.Getenv("GOMAXPROCS") == "" {
		runtime.GOMAXPROCS(1)
	}
}

func fail(what string) {
	fmt.Fprintln(os.Stderr, "bench:", what)
	os.Exit(1)
}

func reportMore(row, unit string, value float64, n int, more string) {
	fmt.Printf("{\"row\":\"%s\",\"impl\":\"go\",\"procs\":%d,\"unit\":\"%s\","+
		"\"value\":%.4f,\"n\":%d%s}\n",
		row, runtime.GOMAXPROCS(0), unit, value, n, more)
}

func report(row, unit string, value float64, n int) {
	reportMore(row, unit, value, n, "")
}

// perOp runs the row at a tenth of its size, then in full, and reports ns for each.
func perOp(row string, n int, run func(n int) time.Duration) {
	run(n / warmup)
	report(row, "ns", float64(run(n).Nanoseconds())/float64(n), n)
}

// status is a number of KiB from /proc/self/status, in bytes.
func status(key string) int {
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		fail(err.Error())
	}
	for _, line := range strings.Split(string(text), "\n") {
		f := strings.Fields(line)
		if len(f) > 1 && f[0] == key {
			kib, _ := strconv.Atoi(f[1])
			return kib * 1024
		}
	}
	fail("/proc/self/status lacks " + key)
	return 0
}

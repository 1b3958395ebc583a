// SPDX-License-Identifier: MIT

// worst_delay: one goroutine loops for ever, one sits in a raw read(2) of an
// empty pipe, one in qsort(3) of four million ints; the greatest lateness, in
// us, of a fourth that sleeps 1 ms again and again. C's qsort, through cgo, so
// that all implementations make the same call.
package main

/*
#include <stdlib.h>

static int compare(const void *a, const void *b)
{
	int x = *(const int *)a, y = *(const int *)b;

	return (x > y) - (x < y);
}

static void sort_once(int *v, size_t n)
{
	unsigned x = 1;

	for (size_t i = 0; i < n; i++)
		v[i] = (int)(x = x * 1664525u + 1013904223u);
	qsort(v, n, sizeof(*v), compare);
}
*/
import "C"

import (
	"fmt"
	"syscall"
	"time"
	"unsafe"
)

var spins uint64

func spin() {
	for {
		spins++
	}
}

func readPipe(fd int) {
	var b [1]byte
	syscall.Read(fd, b[:])
}

func sortForever() {
	v := (*C.int)(C.malloc(qsortN * C.size_t(unsafe.Sizeof(C.int(0)))))
	for {
		C.sort_once(v, qsortN)
	}
}

// watch is the sleeper: the worst and the mean lateness, and how often it slept.
func watch(d time.Duration) (worst, mean time.Duration, n int) {
	var sum time.Duration
	for end := time.Now().Add(d); time.Now().Before(end); n++ {
		start := time.Now()
		time.Sleep(time.Millisecond)
		late := time.Since(start) - time.Millisecond
		sum += late
		if late > worst {
			worst = late
		}
	}
	return worst, sum / time.Duration(n), n
}

func main() {
	var p [2]int
	if syscall.Pipe(p[:]) != nil {
		fail("worst_delay: no pipe")
	}
	watch(20 * time.Millisecond)
	go spin()
	go readPipe(p[0])
	go sortForever()
	worst, mean, n := watch(delayFor)
	reportMore("worst_delay", "us", float64(worst.Nanoseconds())/1e3, n,
		fmt.Sprintf(",\"mean\":%.2f", float64(mean.Nanoseconds())/1e3))
}

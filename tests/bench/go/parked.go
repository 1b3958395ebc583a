// SPDX-License-Identifier: MIT

// parked: 100,000 goroutines (or argv[1]) wait on one channel; bytes of
// resident memory and page tables for each.
package main

import (
	"fmt"
	"os"
	"strconv"
	"sync/atomic"
	"time"
)

var arrived int64

func park(c chan int) {
	atomic.AddInt64(&arrived, 1)
	<-c
}

func parkMany(c chan int, n int) {
	want := arrived + int64(n)
	for i := 0; i < n; i++ {
		go park(c)
	}
	for atomic.LoadInt64(&arrived) < want {
		time.Sleep(time.Millisecond)
	}
}

func main() {
	row, n := "parked_100k", parkedN
	if len(os.Args) > 1 {
		n, _ = strconv.Atoi(os.Args[1])
	}
	if n >= 1000000 {
		row = "parked_1m"
	}
	c := make(chan int)
	parkMany(c, 100)
	rss, pte := status("VmRSS:"), status("VmPTE:")
	start := time.Now()
	parkMany(c, n)
	d := time.Since(start)
	time.Sleep(50 * time.Millisecond) // the last ones are on their way into the channel
	rss, pte = status("VmRSS:")-rss, status("VmPTE:")-pte
	reportMore(row, "bytes", float64(rss+pte)/float64(n), n,
		fmt.Sprintf(",\"rss\":%d,\"pte\":%d,\"create_ns\":%d",
			rss/n, pte/n, int(d.Nanoseconds())/n))
}

package test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fastembed-nats/fastembed-nats/clients/go"
)

// The soak tests run at a twentieth of their size unless FASTEMBED_SOAK is 1.

// soakSize is how many of something a soak test does.
func soakSize(full int) int {
	if os.Getenv("FASTEMBED_SOAK") == "1" {
		return full
	}
	return max(1, full/20)
}

// tally counts what a soak test did; one failure fails the test.
type tally struct {
	t                    *testing.T
	start                time.Time
	operations, failures atomic.Int64
	refused              atomic.Int64 // operations that ended with an error they may end with
	longest              atomic.Int64 // nanoseconds, of the operations
}

func newTally(t *testing.T) *tally { return &tally{t: t, start: time.Now()} }

// add counts one operation and, unless err is nil, its failure.
func (c *tally) add(took time.Duration, err error) {
	c.operations.Add(1)
	for {
		longest := c.longest.Load()
		if int64(took) <= longest || c.longest.CompareAndSwap(longest, int64(took)) {
			break
		}
	}
	if err != nil && c.failures.Add(1) <= 20 {
		c.t.Error(err)
	}
}

func (c *tally) report() {
	c.t.Helper()
	fmt.Printf("%s: %d operations, %d failures (typed errors %d, longest %v, in all %v)\n", c.t.Name(),
		c.operations.Load(), c.failures.Load(), c.refused.Load(),
		time.Duration(c.longest.Load()).Round(time.Millisecond), time.Since(c.start).Round(time.Second))
	if c.operations.Load() == 0 {
		c.t.Error("nothing was done")
	}
}

// callers repeats a call from so many goroutines until it says that it was the
// last. The function returned waits for them.
func callers(n int, call func() (more bool)) (wait func()) {
	var work sync.WaitGroup
	for range n {
		work.Go(func() {
			for call() {
				// until it was the last
			}
		})
	}
	return work.Wait
}

// corpus is texts whose vectors are known.
type corpus struct {
	texts   []string
	vectors [][]float32
	same    func(got, known []float32) bool
}

// known embeds texts while nothing disturbs it.
func known(t *testing.T, model *fastembed.TextEmbedding, texts []string, same func(got, known []float32) bool) *corpus {
	t.Helper()
	vectors, err := model.Embed(background(t), texts, 0)
	if err != nil {
		t.Fatal(err)
	}
	return &corpus{texts, vectors, same}
}

// some picks n texts, and check compares every vector of an answer to them.
func (c *corpus) some(n int) (texts []string, check func([][]float32) error) {
	at := make([]int, n)
	for i := range at {
		at[i] = rand.IntN(len(c.texts))
		texts = append(texts, c.texts[at[i]])
	}
	return texts, func(got [][]float32) error {
		if len(got) != n {
			return fmt.Errorf("%d vectors for %d texts", len(got), n)
		}
		for i, v := range got {
			if !c.same(v, c.vectors[at[i]]) {
				return fmt.Errorf("the vector of text %d of %d is not its own", i, n)
			}
		}
		return nil
	}
}

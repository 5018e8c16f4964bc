package main

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"os"
	"slices"
	"strings"
	"sync"

	"github.com/fastembed-nats/fastembed-nats/clients/go"
)

// tolerance is how far two vectors of one text may lie apart, in each number:
// workers on processors of different kinds round differently.
const tolerance = 1e-5

// shownFailures is how many failures are printed; their number is always known.
const shownFailures = 10

// tally counts what became of the calls.
type tally struct {
	mu        sync.Mutex
	answered  int
	failed    int
	instances map[string]struct{}
	first     map[string][]float32
}

func newTally() *tally {
	return &tally{instances: map[string]struct{}{}, first: map[string][]float32{}}
}

// add notes one call.
func (t *tally) add(texts []string, result *fastembed.Embeddings, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err == nil {
		err = t.compare(texts, result.Vectors)
	}
	if err != nil {
		if t.failed++; t.failed <= shownFailures {
			fmt.Fprintln(os.Stderr, "load:", err)
		}
		return
	}
	t.answered++
	for _, instance := range result.Instances {
		t.instances[instance] = struct{}{}
	}
}

func (t *tally) compare(texts []string, vectors [][]float32) error {
	for i, text := range texts {
		first, known := t.first[text]
		if !known {
			t.first[text] = vectors[i]
			continue
		}
		if len(first) != len(vectors[i]) {
			return fmt.Errorf("%q has %d dimensions, and had %d", text, len(vectors[i]), len(first))
		}
		for d := range first {
			if !(math.Abs(float64(first[d]-vectors[i][d])) <= tolerance) {
				return fmt.Errorf("%q has another vector than before", text)
			}
		}
	}
	return nil
}

func (t *tally) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	instances := slices.Sorted(maps.Keys(t.instances))
	return fmt.Sprintf("load: answered %d, failed %d, workers %d: %s",
		t.answered, t.failed, len(instances), strings.Join(instances, " "))
}

func (t *tally) verdict() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case t.failed > 0:
		return fmt.Errorf("%d calls failed", t.failed)
	case t.answered == 0:
		return errors.New("there was no call")
	}
	return nil
}

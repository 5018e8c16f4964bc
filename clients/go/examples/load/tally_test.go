package main

import (
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/fastembed-nats/fastembed-nats/clients/go"
)

func answer(instance string, vectors ...[]float32) *fastembed.Embeddings {
	return &fastembed.Embeddings{Vectors: vectors, Details: fastembed.Details{Instances: []string{instance}}}
}

func TestAnswersThatAgreeAreCountedWithTheirWorkers(t *testing.T) {
	tally := newTally()
	tally.add([]string{"a", "b"}, answer("one", []float32{1, 0}, []float32{0, 1}), nil)
	tally.add([]string{"a", "b"}, answer("two", []float32{1, 1e-7}, []float32{0, 1}), nil)
	if err := tally.verdict(); err != nil {
		t.Error(err)
	}
	if got, want := tally.String(), "load: answered 2, failed 0, workers 2: one two"; got != want {
		t.Errorf("%q is not %q", got, want)
	}
}

func TestAnotherVectorForTheSameTextIsAFailure(t *testing.T) {
	for _, other := range [][]float32{{1, 0.1}, {1}, {1, float32(math.NaN())}} {
		tally := newTally()
		tally.add([]string{"a"}, answer("one", []float32{1, 0}), nil)
		tally.add([]string{"a"}, answer("two", other), nil)
		if err := tally.verdict(); err == nil || !strings.Contains(err.Error(), "1 calls failed") {
			t.Errorf("%v: %v", other, err)
		}
	}
}

func TestAFailedCallAndNoCallAreNoSuccess(t *testing.T) {
	tally := newTally()
	if tally.verdict() == nil {
		t.Error("no call at all is a success")
	}
	tally.add([]string{"a"}, nil, errors.New("lost"))
	if tally.verdict() == nil {
		t.Error("a failed call is a success")
	}
}

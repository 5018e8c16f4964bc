package test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/fastembed-nats/fastembed-nats/clients/go"
	"github.com/fastembed-nats/fastembed-nats/clients/go/internal/silence"
	"github.com/fastembed-nats/fastembed-nats/clients/go/internal/wire"
)

// shortSilence makes clients that are made from now on impatient.
func shortSilence(t *testing.T, limit time.Duration) {
	before := silence.Limit
	silence.Limit = limit
	t.Cleanup(func() { silence.Limit = before })
}

func TestASilentWorkerIsGivenUpAndItsLateAnswerDropped(t *testing.T) {
	shortSilence(t, 200*time.Millisecond)
	s := startServer(t, 1<<20)
	f := startFake(t, s, func(n int, q *question) {
		if n == 1 { // late, whole, and wrong
			first := q.fake.questions()[0]
			first.doc.Inputs = numbered(20)[10:]
			first.answer()
			q.answer()
		}
	})
	client := newClient(t, s)
	model := newModel(t, client, "Fake")
	embedWhole(t, model, f, 10)
	q := f.questions()
	if len(q) != 2 {
		t.Fatalf("%d attempts", len(q))
	}
	one, two := q[0].msg, q[1].msg
	if one.Reply == two.Reply || one.Header.Get(wire.HeaderAttemptID) == two.Header.Get(wire.HeaderAttemptID) {
		t.Error("the fresh attempt has the old reply subject or id")
	}
	if one.Header.Get(wire.HeaderRequestID) != two.Header.Get(wire.HeaderRequestID) {
		t.Error("the fresh attempt is of another request")
	}
}

func TestAnAnswerThatStopsHalfWayIsGivenUp(t *testing.T) {
	shortSilence(t, 200*time.Millisecond)
	s := startServer(t, 1<<20)
	f := startFake(t, s, func(n int, q *question) {
		if n == 0 {
			q.send(q.alive())
			q.send(q.frames(3)[:2]...)
		} else {
			q.answer()
		}
	})
	embedWhole(t, newModel(t, newClient(t, s), "Fake"), f, 10)
}

func TestASlowWorkerThatGivesSignsOfLifeIsWaitedFor(t *testing.T) {
	shortSilence(t, 400*time.Millisecond)
	s := startServer(t, 1<<20)
	f := startFake(t, s, func(_ int, q *question) {
		pace := time.NewTicker(100 * time.Millisecond)
		defer pace.Stop()
		for range 15 {
			<-pace.C
			q.send(q.alive())
		}
		q.answer()
	})
	embedWhole(t, newModel(t, newClient(t, s), "Fake"), f, 1)
	if n := len(f.questions()); n != 1 {
		t.Errorf("%d attempts", n)
	}
}

func TestASlowWorkerThatGivesSignsOfLifeIsWaitedForUntilTheDeadline(t *testing.T) {
	shortSilence(t, 400*time.Millisecond)
	s := startServer(t, 1<<20)
	over := make(chan struct{})
	f := startFake(t, s, func(_ int, q *question) {
		pace := time.NewTicker(100 * time.Millisecond)
		defer pace.Stop()
		for {
			select {
			case <-pace.C:
				q.send(q.alive())
			case <-over:
				return
			}
		}
	})
	model := newModel(t, newClient(t, s), "Fake")
	ctx, cancel := context.WithTimeout(context.Background(), 1500*time.Millisecond)
	defer cancel()
	_, err := model.Embed(ctx, numbered(1), 0)
	close(over)
	if !errors.Is(err, fastembed.ErrDeadlineExceeded) || errors.Is(err, fastembed.ErrSilent) {
		t.Errorf("got %v", err)
	}
	if n := len(f.questions()); n != 1 {
		t.Errorf("%d attempts", n)
	}
}

func TestManySignsOfLifeCrowdOutNoAnswer(t *testing.T) {
	s := startServer(t, 1<<20)
	f := startFake(t, s, func(_ int, q *question) {
		for range 1000 {
			q.send(slices.Repeat([]*nats.Msg{q.alive()}, 10)...) // and a round trip
		}
		q.answer()
	})
	embedWhole(t, newModel(t, newClient(t, s), "Fake"), f, 1)
}

func TestSilenceWithoutEndIsATypedError(t *testing.T) {
	shortSilence(t, 100*time.Millisecond)
	s := startServer(t, 1<<20)
	for name, row := range map[string]struct {
		policy   fastembed.RetryPolicy
		attempts int
	}{
		"repeated": {fastembed.DefaultRetryPolicy(), 8},
		"once":     {fastembed.NoRetry(), 1},
	} {
		t.Run(name, func(t *testing.T) {
			f := startFake(t, s, silent)
			model := newModel(t, newClient(t, s, fastembed.WithRetry(row.policy)), "Fake")
			vectors, err := model.Embed(background(t), numbered(3), 0)
			if vectors != nil || !errors.Is(err, fastembed.ErrSilent) || errors.Is(err, fastembed.ErrDeadlineExceeded) {
				t.Fatalf("got %v", err)
			}
			if n := len(f.questions()); n != row.attempts {
				t.Errorf("%d attempts", n)
			}
		})
	}
	t.Run("until the deadline", func(t *testing.T) {
		startFake(t, s, silent)
		model := newModel(t, newClient(t, s), "Fake")
		ctx, cancel := context.WithTimeout(context.Background(), 500*time.Millisecond)
		defer cancel()
		_, err := model.Embed(ctx, numbered(3), 0)
		if !errors.Is(err, fastembed.ErrDeadlineExceeded) || !errors.Is(err, fastembed.ErrSilent) {
			t.Errorf("got %v", err)
		}
	})
}

func TestSilenceMeansNothingWithoutSignsOfLife(t *testing.T) {
	shortSilence(t, 100*time.Millisecond)
	s := startServer(t, 1<<20)
	older := func(f *fake) { f.features = []string{wire.AcceptParts} }
	for name, row := range map[string]struct {
		change func(*fake)
		opts   []fastembed.Option
	}{
		"the worker is older":   {older, nil},
		"the caller wants none": {func(*fake) {}, []fastembed.Option{fastembed.WithSignsOfLife(false)}},
	} {
		t.Run(name, func(t *testing.T) {
			f := startFake(t, s, silent, row.change)
			model := newModel(t, newClient(t, s, row.opts...), "Fake")
			ctx, cancel := context.WithTimeout(context.Background(), 600*time.Millisecond)
			defer cancel()
			_, err := model.Embed(ctx, numbered(1), 0)
			if !errors.Is(err, fastembed.ErrDeadlineExceeded) || errors.Is(err, fastembed.ErrSilent) {
				t.Errorf("got %v", err)
			}
			q := f.questions()
			if len(q) != 1 || q[0].msg.Header.Get(wire.HeaderAccept) != "parts" {
				t.Errorf("%d attempts, the first accepts %q", len(q), q[0].msg.Header.Get(wire.HeaderAccept))
			}
		})
	}
}

func TestAQuestionForFactsThatIsLostIsAskedAgain(t *testing.T) {
	shortSilence(t, 200*time.Millisecond)
	s := startServer(t, 1<<20)
	startFake(t, s, nil, func(f *fake) { f.mute = 2 })
	newModel(t, newClient(t, s), "Fake")
}

func TestAWorkerKilledWithARequestCostsTheSilenceAndNoMore(t *testing.T) {
	s := startServer(t, 1<<20)
	workers := []*worker{
		startWorker(t, s, fakeModel("delay_ms = 1000")),
		startWorker(t, s, fakeModel("delay_ms = 1000")),
	}
	nc := connect(t, s)
	model := newModel(t, clientOn(t, nc), "Fake")
	type outcome struct {
		result *fastembed.Embeddings
		err    error
	}
	done := make(chan outcome, 1)
	start := time.Now()
	go func() {
		result, err := model.EmbedDetailed(background(t), numbered(3), 0)
		done <- outcome{result, err}
	}()
	victim, other := workers[0], workers[1]
	for victim.inFlight(t, nc) == 0 {
		victim, other = other, victim // asks again: a round trip each
	}
	victim.kill(t)
	got := await(t, done, "the call")
	took := time.Since(start)
	if got.err != nil {
		t.Fatal(got.err)
	}
	if !slices.Equal(got.result.Instances, []string{other.instance}) {
		t.Errorf("instances are %v", got.result.Instances)
	}
	// The silence, a run of one second, and what a busy machine adds.
	if took < 3900*time.Millisecond || took > 10*time.Second {
		t.Errorf("the call took %v", took)
	}
	again, err := model.Embed(background(t), numbered(3), 0)
	if err != nil || !slices.EqualFunc(again, got.result.Vectors, slices.Equal[[]float32]) {
		t.Errorf("the vectors differ from those of a quiet call: %v", err)
	}
}

// TestARealWorkerThatIsSlowIsWaitedFor needs the real limit: its runs take
// longer than that.
func TestARealWorkerThatIsSlowIsWaitedFor(t *testing.T) {
	s := startServer(t, 1<<20)
	w := startWorker(t, s, fakeModel("delay_ms = 3500"))
	nc := connect(t, s)
	model := newModel(t, clientOn(t, nc), "Fake")
	if _, err := model.Embed(background(t), numbered(1), 0); err != nil {
		t.Fatal(err)
	}
	if n := w.answered(t, nc); n != 1 {
		t.Errorf("%d requests were answered", n)
	}
}

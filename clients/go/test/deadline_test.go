package test

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/fastembed-nats/fastembed-nats/clients/go"
	"github.com/fastembed-nats/fastembed-nats/clients/go/internal/wire"
)

func silent(int, *question) {}

func TestACallEndsWithin100MillisecondsOfItsDeadline(t *testing.T) {
	s := startServer(t, 1<<20)
	startFake(t, s, silent)
	model := newModel(t, newClient(t, s), "Fake")
	const limit = 200 * time.Millisecond
	best := time.Hour
	for range 5 { // one of five, for machines that are busy with something else
		ctx, cancel := context.WithTimeout(context.Background(), limit)
		start := time.Now()
		vectors, err := model.Embed(ctx, numbered(100), 3)
		took := time.Since(start)
		cancel()
		var e *fastembed.Error
		if vectors != nil || !errors.As(err, &e) || e.Wire ||
			!errors.Is(err, fastembed.ErrDeadlineExceeded) || !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("got %v", err)
		}
		if took < limit {
			t.Fatalf("the call ended after %v", took)
		}
		if best = min(best, took); best < limit+100*time.Millisecond {
			return
		}
	}
	t.Errorf("the quickest of five took %v", best)
}

// TestACallEndsInTimeThoughTheServerReadsNothing fills all buffers on the way to
// the server: nats.go then holds its lock while it writes.
func TestACallEndsInTimeThoughTheServerReadsNothing(t *testing.T) {
	s := startServer(t, 1<<20)
	startFake(t, s, silent)
	p := startProxy(t, s, passOn)
	client := clientOn(t, connectAt(t, p.url(), "client", clientInbox), fastembed.WithInflight(64))
	model := newModel(t, client, "Fake")
	texts := numbered(320)
	for i := range texts {
		texts[i] += strings.Repeat("x", 100_000)
	}
	end := p.hole()
	defer end()
	const limit = 200 * time.Millisecond
	for _, call := range []func(context.Context) error{
		func(ctx context.Context) error {
			_, err := model.Embed(ctx, texts, 5)
			return err
		},
		func(ctx context.Context) error {
			_, err := client.NewTextEmbedding(ctx, "Fake")
			return err
		},
		func(ctx context.Context) error {
			_, err := client.Models(ctx)
			return err
		},
	} {
		best := time.Hour
		for range 3 { // one of three, for machines that are busy with something else
			ctx, cancel := context.WithTimeout(context.Background(), limit)
			start := time.Now()
			err := call(ctx)
			best = min(best, time.Since(start))
			cancel()
			if !errors.Is(err, fastembed.ErrDeadlineExceeded) || !errors.Is(err, context.DeadlineExceeded) {
				t.Fatalf("got %v", err)
			}
		}
		if best > limit+100*time.Millisecond {
			t.Errorf("the quickest of three took %v", best)
		}
	}
}

func TestAContextThatHasEndedSendsNothing(t *testing.T) {
	s := startServer(t, 1<<20)
	f := startFake(t, s, nil)
	client := newClient(t, s)
	model := newModel(t, client, "Fake")
	past, cancel := context.WithDeadline(context.Background(), time.Now().Add(-time.Second))
	defer cancel()
	gone, leave := context.WithCancel(context.Background())
	leave()
	for ctx, want := range map[context.Context]error{past: context.DeadlineExceeded, gone: context.Canceled} {
		if _, err := model.Embed(ctx, numbered(3), 0); !errors.Is(err, want) {
			t.Errorf("Embed: got %v", err)
		}
		if _, err := client.NewTextEmbedding(ctx, "Fake"); !errors.Is(err, want) {
			t.Errorf("NewTextEmbedding: got %v", err)
		}
	}
	if n := len(f.questions()); n != 0 {
		t.Errorf("%d requests were sent", n)
	}
}

func TestACancelledCallEndsAtOnce(t *testing.T) {
	s := startServer(t, 1<<20)
	f := startFake(t, s, silent)
	model := newModel(t, newClient(t, s), "Fake")
	ctx, cancel := context.WithCancelCause(context.Background())
	reason := errors.New("the user left")
	result := make(chan error, 1)
	go func() {
		_, err := model.Embed(ctx, numbered(100), 3)
		result <- err
	}()
	await(t, f.asked, "a request")
	cancel(reason)
	err := await(t, result, "the call")
	for _, want := range []error{fastembed.ErrCancelled, context.Canceled, reason} {
		if !errors.Is(err, want) {
			t.Errorf("%v is not %v", err, want)
		}
	}
	if errors.Is(err, fastembed.ErrDeadlineExceeded) {
		t.Errorf("%v is a deadline, too", err)
	}
}

func TestTheDeadlineErrorNamesTheFailureBeforeIt(t *testing.T) {
	s := startServer(t, 1<<20)
	startFake(t, s, func(n int, q *question) {
		if n == 0 {
			q.refuse(wire.CodeDraining, nil)
		}
	})
	model := newModel(t, newClient(t, s), "Fake")
	ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
	defer cancel()
	_, err := model.Embed(ctx, numbered(1), 0)
	if !errors.Is(err, fastembed.ErrDeadlineExceeded) || !errors.Is(err, fastembed.ErrDraining) {
		t.Errorf("got %v", err)
	}
}

func TestTheTimeLeftTravelsWithTheRequest(t *testing.T) {
	s := startServer(t, 1<<20)
	f := startFake(t, s, nil)
	model := newModel(t, newClient(t, s, fastembed.WithDefaultTimeout(7*time.Second)), "Fake")
	ms := func(ctx context.Context) int {
		t.Helper()
		if _, err := model.Embed(ctx, numbered(1), 0); err != nil {
			t.Fatal(err)
		}
		q := f.questions()
		n, err := strconv.Atoi(q[len(q)-1].msg.Header.Get(wire.HeaderTimeoutMs))
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if n := ms(ctx); n <= 10_000 || n > 20_000 {
		t.Errorf("with 20 s left the header says %d ms", n)
	}
	if n := ms(context.Background()); n <= 3_000 || n > 7_000 {
		t.Errorf("with the default of 7 s the header says %d ms", n)
	}
}

func TestNoGoroutineIsLeftBehind(t *testing.T) {
	s := startServer(t, 1<<20)
	f := startFake(t, s, func(n int, q *question) {
		if n%3 != 0 {
			q.answer()
		}
	})
	nc := connect(t, s)
	before := goleak.IgnoreCurrent()
	client, err := fastembed.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	model, err := client.NewTextEmbedding(background(t), "Fake")
	if err != nil {
		t.Fatal(err)
	}
	for range 20 {
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan struct{})
		go func() {
			defer close(done)
			_, _ = model.Embed(ctx, numbered(50), 5)
		}()
		await(t, f.asked, "a request")
		cancel()
		await(t, done, "the call")
	}
	client.Close()
	f.finish()
	if err := goleak.Find(before); err != nil {
		t.Error(err)
	}
}

package test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/fastembed-nats/fastembed-nats/clients/go"
	"github.com/fastembed-nats/fastembed-nats/clients/go/internal/wire"
)

func refuseTimes(times int, code wire.Code, change func(*wire.ErrorReply)) func(int, *question) {
	return func(n int, q *question) {
		if n < times {
			q.refuse(code, change)
		} else {
			q.answer()
		}
	}
}

func TestAFullOrLeavingWorkerIsAskedAgainUntilOneAnswers(t *testing.T) {
	s := startServer(t, 1<<20)
	for _, code := range []wire.Code{wire.CodeOverloaded, wire.CodeDraining} {
		t.Run(code.Name, func(t *testing.T) {
			f := startFake(t, s, refuseTimes(5, code, nil))
			model := newModel(t, newClient(t, s), "Fake")
			embedWhole(t, model, f, 3)
			if n := len(f.questions()); n != 6 {
				t.Errorf("%d attempts", n)
			}
		})
	}
}

func TestTheWorkersWishForAPauseIsHonoured(t *testing.T) {
	s := startServer(t, 1<<20)
	wish := uint32(300)
	startFake(t, s, refuseTimes(1, wire.CodeOverloaded, func(e *wire.ErrorReply) { e.RetryAfterMs = &wish }))
	model := newModel(t, newClient(t, s), "Fake")
	start := time.Now()
	if _, err := model.Embed(background(t), numbered(1), 0); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(start); took < 300*time.Millisecond {
		t.Errorf("the second attempt came within %v", took)
	}
}

func TestAPauseThatOutlivesTheDeadlineIsNotBegun(t *testing.T) {
	s := startServer(t, 1<<20)
	wish := uint32(3_600_000)
	startFake(t, s, refuseTimes(1000, wire.CodeOverloaded, func(e *wire.ErrorReply) { e.RetryAfterMs = &wish }))
	model := newModel(t, newClient(t, s), "Fake")
	_, err := model.Embed(background(t), numbered(1), 0)
	var e *fastembed.Error
	if !errors.As(err, &e) || !errors.Is(err, fastembed.ErrOverloaded) {
		t.Fatal(err)
	}
	if e.RetryAfter != time.Hour || !e.Wire || e.Retry != fastembed.RetryElsewhere || e.Code != 429 {
		t.Errorf("got %+v", e)
	}
}

func TestErrorsThatNeverHelpToRepeatFailTheCallAtOnce(t *testing.T) {
	s := startServer(t, 1<<20)
	for _, code := range wire.Codes {
		if code.Retry != wire.RetryNever || code == wire.CodeInputTooLong || code == wire.CodePayloadTooLarge {
			continue
		}
		t.Run(code.Name, func(t *testing.T) {
			f := startFake(t, s, refuseTimes(1000, code, nil))
			model := newModel(t, newClient(t, s), "Fake")
			vectors, err := model.Embed(background(t), numbered(3), 0)
			var e *fastembed.Error
			if vectors != nil || !errors.As(err, &e) || e.Name != code.Name || e.Code != code.Number || !e.Wire {
				t.Fatalf("got %v", err)
			}
			if n := len(f.questions()); n != 1 {
				t.Errorf("%d attempts", n)
			}
			if errors.Is(err, fastembed.ErrDeadlineExceeded) != errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%v is a deadline of one kind only", err)
			}
		})
	}
}

func TestInternalIsRepeatedOnce(t *testing.T) {
	s := startServer(t, 1<<20)
	f := startFake(t, s, refuseTimes(1000, wire.CodeInternal, nil))
	model := newModel(t, newClient(t, s), "Fake")
	if _, err := model.Embed(background(t), numbered(3), 0); !errors.Is(err, fastembed.ErrInternal) {
		t.Fatal(err)
	}
	if n := len(f.questions()); n != 2 {
		t.Errorf("%d attempts", n)
	}
}

func TestRepeatingCanBeTurnedOff(t *testing.T) {
	s := startServer(t, 1<<20)
	f := startFake(t, s, refuseTimes(1000, wire.CodeOverloaded, nil))
	model := newModel(t, newClient(t, s, fastembed.WithRetry(fastembed.NoRetry())), "Fake")
	if _, err := model.Embed(background(t), numbered(3), 0); !errors.Is(err, fastembed.ErrOverloaded) {
		t.Fatal(err)
	}
	if n := len(f.questions()); n != 1 {
		t.Errorf("%d attempts", n)
	}
}

func TestOneFailedRequestFailsTheCallAndStopsTheOthers(t *testing.T) {
	s := startServer(t, 1<<20)
	f := startFake(t, s, func(n int, q *question) {
		if n == 1 {
			q.refuse(wire.CodeInvalidRequest, nil)
		} // the others are never answered
	})
	model := newModel(t, newClient(t, s, fastembed.WithInflight(8)), "Fake")
	start := time.Now()
	vectors, err := model.Embed(background(t), numbered(1000), 10)
	if vectors != nil || !errors.Is(err, fastembed.ErrInvalidRequest) {
		t.Fatalf("got %d vectors and %v", len(vectors), err)
	}
	if n := len(f.questions()); n > 8 {
		t.Errorf("%d requests were sent, 8 can be in flight", n)
	}
	if took := time.Since(start); took > patience/2 {
		t.Errorf("the call ended after %v", took)
	}
}

func TestNobodyServesTheModelIsKnownAtOnce(t *testing.T) {
	s := startServer(t, 1<<20)
	start := time.Now()
	_, err := newClient(t, s).NewTextEmbedding(background(t), "Unknown")
	var e *fastembed.Error
	if !errors.As(err, &e) || !errors.Is(err, fastembed.ErrModelNotFound) || !errors.Is(err, nats.ErrNoResponders) || e.Wire {
		t.Fatalf("got %v", err)
	}
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("it took %v", took)
	}
}

func TestANameThatIsNoTokenIsRefusedWithoutARoundTrip(t *testing.T) {
	s := startServer(t, 1<<20)
	client := newClient(t, s)
	for _, name := range []string{"", "BAAI/bge-small-en-v1.5", "a.b", "a b", "*", ">", "é"} {
		_, err := client.NewTextEmbedding(background(t), name)
		var e *fastembed.Error
		if !errors.As(err, &e) || !errors.Is(err, fastembed.ErrInvalidRequest) || e.Wire {
			t.Errorf("%q: got %v", name, err)
		}
	}
}

func TestSilenceAfterInfoIsReadAsOverload(t *testing.T) {
	s := startServer(t, 1<<20)
	f := startFake(t, s, nil)
	model := newModel(t, newClient(t, s), "Fake")
	f.leave()
	ctx, cancel := context.WithTimeout(context.Background(), 500*time.Millisecond)
	defer cancel()
	_, err := model.Embed(ctx, numbered(1), 0)
	var e *fastembed.Error
	if !errors.As(err, &e) || !errors.Is(err, fastembed.ErrOverloaded) || e.Wire {
		t.Fatalf("got %v", err)
	}
	// A worker that joins in time is found.
	ctx, cancel = context.WithTimeout(context.Background(), patience)
	defer cancel()
	result := make(chan error, 1)
	go func() {
		_, err := model.Embed(ctx, numbered(1), 0)
		result <- err
	}()
	startFake(t, s, nil)
	if err := await(t, result, "the call"); err != nil {
		t.Fatal(err)
	}
}

func TestAWorkerOfAnotherSpaceIsPassedOver(t *testing.T) {
	s := startServer(t, 1<<20)
	good := startFake(t, s, nil)
	model := newModel(t, newClient(t, s), "Fake")
	other := startFake(t, s, nil, second)
	other.setSpace("Fake:2")
	texts := numbered(30)
	result, err := model.EmbedDetailed(background(t), texts, 10)
	if err != nil {
		t.Fatal(err)
	}
	checkVectors(t, texts, result.Vectors, good.dims)
	if result.Space != "Fake:1" || len(result.Instances) != 1 || result.Instances[0] != "I1" {
		t.Errorf("space %q of instances %v", result.Space, result.Instances)
	}
}

func TestASpaceThatIsGoneIsAnError(t *testing.T) {
	s := startServer(t, 1<<20)
	f := startFake(t, s, nil)
	model := newModel(t, newClient(t, s), "Fake")
	f.setSpace("Fake:2")
	vectors, err := model.Embed(background(t), numbered(3), 0)
	if vectors != nil || !errors.Is(err, fastembed.ErrSpaceMismatch) {
		t.Fatalf("got %d vectors and %v", len(vectors), err)
	}
}

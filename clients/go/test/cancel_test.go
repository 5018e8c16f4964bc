package test

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/fastembed-nats/fastembed-nats/clients/go"
	"github.com/fastembed-nats/fastembed-nats/clients/go/internal/wire"
)

// cancels is what workers hear of attempts that are given up.
type cancels struct {
	nc  *nats.Conn
	all chan *nats.Msg
}

func hearCancels(t *testing.T, s *server) *cancels {
	t.Helper()
	c := &cancels{nc: s.connect(t, "worker"), all: make(chan *nats.Msg, 100)}
	if _, err := c.nc.ChanSubscribe(wire.CancelSubject, c.all); err != nil {
		t.Fatal(err)
	}
	flush(t, c.nc)
	return c
}

// are checks that the client on nc has sent exactly these, in one message each.
func (c *cancels) are(t *testing.T, nc *nats.Conn, want ...[]string) {
	t.Helper()
	flush(t, nc, c.nc)
	if len(c.all) != len(want) {
		t.Fatalf("%d messages of cancelled attempts, not %d", len(c.all), len(want))
	}
	for _, ids := range want {
		m := <-c.all
		q, err := wire.DecodeCancelRequest(m.Data)
		if err != nil || m.Reply != "" {
			t.Fatalf("reply %q, %v", m.Reply, err)
		}
		slices.Sort(q.Attempts)
		slices.Sort(ids)
		if !slices.Equal(q.Attempts, ids) {
			t.Errorf("cancelled are %v, not %v", q.Attempts, ids)
		}
	}
}

// ids are those of the attempts, as the fake received them.
func ids(questions []*question) []string {
	var list []string
	for _, q := range questions {
		list = append(list, q.msg.Header.Get(wire.HeaderAttemptID))
	}
	return list
}

// embedding makes a call that can be cancelled; its error comes by the channel.
func embedding(model *fastembed.TextEmbedding, texts []string, batch int) (context.CancelFunc, <-chan error) {
	ctx, cancel := context.WithCancel(context.Background())
	result := make(chan error, 1)
	go func() {
		_, err := model.Embed(ctx, texts, batch)
		result <- err
	}()
	return cancel, result
}

func TestACancelledCallTellsTheWorkersOnceWhichAttemptsAreOpen(t *testing.T) {
	s := startServer(t, 1<<20)
	f := startFake(t, s, func(n int, q *question) {
		if n == 0 {
			q.answer()
		}
	})
	heard := hearCancels(t, s)
	nc := connect(t, s)
	model := newModel(t, clientOn(t, nc, fastembed.WithInflight(2)), "Fake")
	cancel, result := embedding(model, numbered(3), 1)
	for range 3 { // the third is sent when the first was answered
		await(t, f.asked, "a request")
	}
	cancel()
	if err := await(t, result, "the call"); !errors.Is(err, fastembed.ErrCancelled) {
		t.Errorf("got %v", err)
	}
	heard.are(t, nc, ids(f.questions()[1:]))
}

func TestADeadlineIsNotToldTheWorkersTwice(t *testing.T) {
	s := startServer(t, 1<<20)
	f := startFake(t, s, silent)
	heard := hearCancels(t, s)
	nc := connect(t, s)
	model := newModel(t, clientOn(t, nc), "Fake")
	ctx, end := context.WithTimeout(context.Background(), 200*time.Millisecond)
	defer end()
	if _, err := model.Embed(ctx, numbered(9), 3); !errors.Is(err, fastembed.ErrDeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	if n := len(f.questions()); n != 3 {
		t.Errorf("%d requests were sent", n)
	}
	heard.are(t, nc)
}

func TestAnAttemptThatIsReplacedIsCancelled(t *testing.T) {
	shortSilence(t, 200*time.Millisecond)
	s := startServer(t, 1<<20)
	f := startFake(t, s, func(n int, q *question) {
		if n > 0 {
			q.answer()
		}
	})
	heard := hearCancels(t, s)
	nc := connect(t, s)
	model := newModel(t, clientOn(t, nc), "Fake")
	if _, err := model.Embed(background(t), numbered(3), 0); err != nil {
		t.Fatal(err)
	}
	heard.are(t, nc, ids(f.questions()[:1]))
}

func TestARequestThatFailsCancelsTheOthersOfItsCall(t *testing.T) {
	s := startServer(t, 1<<20)
	f := startFake(t, s, func(n int, q *question) {
		if n == 2 {
			q.refuse(wire.CodeInvalidRequest, nil)
		}
	})
	heard := hearCancels(t, s)
	nc := connect(t, s)
	model := newModel(t, clientOn(t, nc), "Fake")
	if _, err := model.Embed(background(t), numbered(3), 1); !errors.Is(err, fastembed.ErrInvalidRequest) {
		t.Errorf("got %v", err)
	}
	heard.are(t, nc, ids(f.questions()[:2]))
}

func TestClosingTheClientCancelsItsAttempts(t *testing.T) {
	s := startServer(t, 1<<20)
	f := startFake(t, s, silent)
	heard := hearCancels(t, s)
	nc := connect(t, s)
	client := clientOn(t, nc)
	model := newModel(t, client, "Fake")
	cancel, result := embedding(model, numbered(1), 0)
	defer cancel()
	await(t, f.asked, "a request")
	client.Close()
	if err := await(t, result, "the call"); !errors.Is(err, fastembed.ErrClosed) {
		t.Errorf("got %v", err)
	}
	heard.are(t, nc, ids(f.questions()))
}

func TestNothingIsCancelledWhileTheConnectionIsDown(t *testing.T) {
	s := startServer(t, 1<<20)
	f := startFake(t, s, silent)
	down := make(chan struct{}, 1)
	nc := connect(t, s, nats.DisconnectErrHandler(func(*nats.Conn, error) {
		select {
		case down <- struct{}{}:
		default:
		}
	}))
	model := newModel(t, clientOn(t, nc), "Fake")
	cancel, result := embedding(model, numbered(1), 0)
	await(t, f.asked, "a request")
	before := nc.Stats().OutMsgs
	s.stop(t)
	await(t, down, "the end of the connection")
	cancel()
	if err := await(t, result, "the call"); !errors.Is(err, fastembed.ErrCancelled) {
		t.Errorf("got %v", err)
	}
	if n := nc.Stats().OutMsgs - before; n != 0 {
		t.Errorf("%d messages are kept for the next connection", n)
	}
	s.start(t)
}

func TestAUserWhoMayNotCancelIsRefusedOnceAndCallsGoOn(t *testing.T) {
	file, err := os.ReadFile(found(t, "config/nats.conf", "git checkout"))
	if err != nil {
		t.Fatal(err)
	}
	// The first that may is the client.
	s := startServerOf(t, strings.Replace(string(file), `"fastembed.ctl.v1.cancel"`, "", 1))
	f := startFake(t, s, func(n int, q *question) {
		if n >= 3 {
			q.answer()
		}
	})
	refusals := make(chan error, 100)
	nc := connect(t, s, nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { refusals <- err }))
	model := newModel(t, clientOn(t, nc), "Fake")
	for range 3 {
		cancel, result := embedding(model, numbered(1), 0)
		await(t, f.asked, "a request")
		cancel()
		await(t, result, "the call")
		flush(t, nc)
	}
	if err := await(t, refusals, "a refusal"); !errors.Is(err, nats.ErrPermissionViolation) ||
		!strings.Contains(err.Error(), wire.CancelSubject) {
		t.Errorf("got %v", err)
	}
	if _, err := model.Embed(background(t), numbered(1), 0); err != nil {
		t.Error(err)
	}
	if len(refusals) != 0 {
		t.Errorf("and then %v", <-refusals)
	}
}

// oneTextARun makes a call of many texts take long.
const oneTextARun = "[runtime]\nexecutors = 1\nbatch_tokens = 3\n"

// freed makes a call of a hundred texts, which take 20 seconds, cancels it, and
// makes another.
func freed(t *testing.T, w *worker, nc, looks *nats.Conn) {
	t.Helper()
	model := newModel(t, clientOn(t, nc, fastembed.WithLane(fastembed.LaneBulk)), "Fake")
	cancel, result := embedding(model, numbered(100), 20)
	for w.inFlight(t, looks) < 5 {
		// asks again: a round trip each
	}
	cancel()
	if err := await(t, result, "the call"); !errors.Is(err, fastembed.ErrCancelled) {
		t.Errorf("got %v", err)
	}
	for w.inFlight(t, looks) > 0 {
		// asks again
	}
	before := w.metric(t, "fastembed_texts_total")
	if _, err := model.Embed(background(t), []string{"after"}, 0); err != nil {
		t.Fatal(err)
	}
	// The one that ran, and the one that was asked for.
	if n := w.metric(t, "fastembed_texts_total") - before; n > 2 {
		t.Errorf("%v texts were computed after the call was cancelled", n)
	}
	if n := w.metric(t, `fastembed_requests_total{op="text",model="Fake",code="cancelled"}`); n != 5 {
		t.Errorf("%v requests were cancelled", n)
	}
}

func TestACancelledCallFreesTheWorker(t *testing.T) {
	s := startServer(t, 1<<20)
	w := startWorker(t, s, oneTextARun+fakeModel("delay_ms = 200"))
	nc := connect(t, s)
	freed(t, w, nc, nc)
}

func TestACancelledCallFreesTheWorkerOfAnotherAccount(t *testing.T) {
	s := twoAccounts(t)
	w := startWorker(t, s, oneTextARun+fakeModel("delay_ms = 200"))
	freed(t, w, connect(t, s), s.connect(t, "operator", nats.CustomInboxPrefix("_INBOX.operator")))
}

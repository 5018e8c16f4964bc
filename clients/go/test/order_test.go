package test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/fastembed-nats/fastembed-nats/clients/go"
	"github.com/fastembed-nats/fastembed-nats/clients/go/internal/wire"
)

var payloads = []int{64 << 10, 1 << 20}

func wide(f *fake) { f.dims = 384 }

func second(f *fake) { f.instance = "I2" }

func TestTenThousandTextsComeBackInOrderFromTwoWorkers(t *testing.T) {
	for _, payload := range payloads {
		for _, batch := range []int{0, 7, 5000} {
			t.Run(fmt.Sprintf("payload %d, batch %d", payload, batch), func(t *testing.T) {
				s := startServer(t, payload)
				one, two := startFake(t, s, nil, wide), startFake(t, s, nil, wide, second)
				model := newModel(t, newClient(t, s), "Fake")
				texts := numbered(10_000)
				result, err := model.EmbedDetailed(background(t), texts, batch)
				if err != nil {
					t.Fatal(err)
				}
				checkVectors(t, texts, result.Vectors, 384)
				for i, text := range texts {
					if result.Tokens[i] != uint32(len(text)) {
						t.Fatalf("text %d has %d tokens", i, result.Tokens[i])
					}
				}
				asked := len(one.questions()) + len(two.questions())
				if result.Requests != asked {
					t.Errorf("%d requests were counted, %d were sent", result.Requests, asked)
				}
				// Two or three requests may all have gone to one member.
				if batch != 5000 && fmt.Sprint(result.Instances) != "[I1 I2]" {
					t.Errorf("instances are %v", result.Instances)
				}
			})
		}
	}
}

func TestNoRequestExceedsBatchSizeLimitsOrPayload(t *testing.T) {
	s := startServer(t, 64<<10)
	f := startFake(t, s, nil, func(f *fake) { f.limits.MaxInputs = 100 })
	model := newModel(t, newClient(t, s), "Fake")
	texts := numbered(1000)
	for i := range texts {
		texts[i] += strings.Repeat(" word", i) // up to 5 kB
	}
	for _, batch := range []int{0, 1, 33, 4096} {
		before := len(f.questions())
		vectors, err := model.Embed(background(t), texts, batch)
		if err != nil {
			t.Fatal(err)
		}
		checkVectors(t, texts, vectors, f.dims)
		for _, q := range f.questions()[before:] {
			if q.bad != nil {
				t.Fatal(q.bad)
			}
			if n := len(q.doc.Inputs); n > 100 || batch > 0 && n > batch {
				t.Errorf("batch %d: a request has %d texts", batch, n)
			}
			if n := q.msg.Size() - len(q.msg.Subject) - len(q.msg.Reply); n > 64<<10 {
				t.Errorf("batch %d: a request has %d bytes", batch, n)
			}
		}
	}
}

func TestARequestIsFilledToTheLastByteOfThePayload(t *testing.T) {
	const payload = 64 << 10
	s := startServer(t, payload)
	f := startFake(t, s, nil)
	model := newModel(t, newClient(t, s), "Fake")
	// Around the largest text that a request can carry, either it arrives or it is
	// an item error; the bus is never asked to carry too much.
	for n := payload - 1200; n <= payload; n++ {
		before := len(f.questions())
		_, err := model.Embed(background(t), []string{strings.Repeat("x", n)}, 0)
		sent := len(f.questions()) > before
		if sent != (err == nil) {
			t.Fatalf("%d bytes: sent %v, error %v", n, sent, err)
		}
	}
}

func TestEveryRequestCarriesTheHeadersOfTheContract(t *testing.T) {
	s := startServer(t, 1<<20)
	f := startFake(t, s, nil)
	model := newModel(t, newClient(t, s, fastembed.WithLane(fastembed.LaneBulk)), "Fake", fastembed.WithTruncate(false))
	if _, err := model.Embed(background(t), numbered(10), 3, fastembed.WithNormalize(false)); err != nil {
		t.Fatal(err)
	}
	attempts, requests := map[string]bool{}, map[string]bool{}
	for _, q := range f.questions() {
		h := q.msg.Header
		attempts[h.Get(wire.HeaderAttemptID)] = true
		requests[h.Get(wire.HeaderRequestID)] = true
		if len(h.Get(wire.HeaderAttemptID)) != 32 || strings.Trim(h.Get(wire.HeaderAttemptID), "0123456789abcdef") != "" {
			t.Errorf("attempt id %q", h.Get(wire.HeaderAttemptID))
		}
		for name, want := range map[string]string{
			wire.HeaderContentType: "application/vnd.msgpack", wire.HeaderAccept: "parts, alive", wire.HeaderLane: "bulk",
		} {
			if got := h.Get(name); got != want {
				t.Errorf("%s is %q, not %q", name, got, want)
			}
		}
		if d := q.doc; *d.Truncate || *d.Normalize || *d.Space != "Fake:1-raw" {
			t.Errorf("the request is %+v", d)
		}
		if !strings.HasPrefix(q.msg.Reply, "_INBOX.client.") {
			t.Errorf("the reply subject is %q", q.msg.Reply)
		}
	}
	if len(attempts) != 4 || len(requests) != 4 {
		t.Errorf("%d attempt ids and %d request ids for 4 requests", len(attempts), len(requests))
	}
}

func TestManyGoroutinesShareOneClient(t *testing.T) {
	s := startServer(t, 64<<10)
	one, _ := startFake(t, s, nil), startFake(t, s, nil, second)
	model := newModel(t, newClient(t, s), "Fake")
	var all sync.WaitGroup
	for g := range 64 {
		all.Go(func() {
			texts := make([]string, 50)
			for i := range texts {
				texts[i] = fmt.Sprint("goroutine ", g, " text ", i)
			}
			for range 5 {
				vectors, err := model.Embed(background(t), texts, 8)
				if err != nil {
					t.Error(err)
					return
				}
				for i, text := range texts {
					if fmt.Sprint(vectors[i]) != fmt.Sprint(vector(text, one.dims)) {
						t.Errorf("goroutine %d: the vector of text %d is not its own", g, i)
						return
					}
				}
			}
		})
	}
	all.Wait()
}

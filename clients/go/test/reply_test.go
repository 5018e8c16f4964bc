package test

import (
	"encoding/binary"
	"errors"
	"math"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/fastembed-nats/fastembed-nats/clients/go"
	"github.com/fastembed-nats/fastembed-nats/clients/go/internal/wire"
)

// breaches are the ways an answer to ten texts can break the contract.
var breaches = map[string]func(q *question){
	"a part is lost": func(q *question) {
		f := q.frames(3)
		q.send(f[0], f[2], f[3], f[4])
	},
	"the first part is lost": func(q *question) { q.send(q.frames(3)[1:]...) },
	"the last part is lost": func(q *question) {
		f := q.frames(3)
		q.send(f[0], f[1], f[2], f[4])
	},
	"a part comes twice": func(q *question) {
		f := q.frames(3)
		q.send(f[0], f[1], f[1], f[2], f[3], f[4])
	},
	"two parts change places": func(q *question) {
		f := q.frames(3)
		q.send(f[1], f[0], f[2], f[3], f[4])
	},
	"only the end comes": func(q *question) { q.send(&nats.Msg{}) },
	"the body is garbage": func(q *question) {
		m := q.frames(10)[0]
		m.Data = []byte("garbage")
		q.send(m)
	},
	"a vector holds NaN": func(q *question) {
		r := q.reply(0, q.doc.Inputs)
		binary.LittleEndian.PutUint32(r.Embeddings.Data, math.Float32bits(float32(math.NaN())))
		q.last(r)
	},
	"there are too few rows":  func(q *question) { q.last(q.reply(0, q.doc.Inputs[1:])) },
	"there are too many rows": func(q *question) { q.last(q.reply(0, append(q.doc.Inputs, "one more"))) },
	"a part says it begins elsewhere": func(q *question) {
		q.last(q.reply(1, q.doc.Inputs))
	},
	"a part has no rows": func(q *question) { q.send(q.frame(0, q.reply(0, nil))) },
	"the number of parts is wrong": func(q *question) {
		f := q.frames(3)
		f[3].Header.Set(wire.HeaderParts, "5")
		q.send(f...)
	},
	"no part is called the last": func(q *question) {
		f := q.frames(3)
		f[3].Header.Del(wire.HeaderParts)
		q.send(f...)
	},
	"the part header is missing": func(q *question) {
		f := q.frames(10)
		f[0].Header.Del(wire.HeaderPart)
		q.send(f...)
	},
	"the dimensions are others": func(q *question) {
		r := q.reply(0, q.doc.Inputs)
		r.Embeddings.Dims, r.Embeddings.Data = 1, r.Embeddings.Data[:4*len(q.doc.Inputs)]
		q.last(r)
	},
	"the model is another": func(q *question) {
		r := q.reply(0, q.doc.Inputs)
		r.Model = "Other"
		q.last(r)
	},
	"the space is another": func(q *question) {
		r := q.reply(0, q.doc.Inputs)
		r.Space = "Fake:2"
		q.last(r)
	},
	"the parts are of two spaces": func(q *question) {
		one, two := q.reply(0, q.doc.Inputs[:5]), q.reply(5, q.doc.Inputs[5:])
		two.Space = "Fake:2"
		q.two(one, two)
	},
	"the parts are of two instances": func(q *question) {
		one, two := q.reply(0, q.doc.Inputs[:5]), q.reply(5, q.doc.Inputs[5:])
		two.Instance = "I9"
		q.two(one, two)
	},
	"an item error is of a row that is not there": func(q *question) {
		r := q.reply(0, q.doc.Inputs)
		r.Errors = []wire.ItemError{{Index: 10, Code: 422, Name: "input_too_long"}}
		q.last(r)
	},
	"an item fails twice": func(q *question) {
		r := q.reply(0, q.doc.Inputs)
		e := wire.ItemError{Index: 1, Code: 422, Name: "input_too_long"}
		r.Errors = []wire.ItemError{e, e}
		q.last(r)
	},
	"an error frame has no readable body": func(q *question) {
		q.send(&nats.Msg{
			Header: nats.Header{wire.HeaderServiceError: {"internal"}, wire.HeaderServiceErrorCode: {"500"}},
			Data:   []byte("oops"),
		}, &nats.Msg{})
	},
	"an error comes after two parts": func(q *question) {
		q.send(q.frames(3)[:2]...)
		q.refuse(wire.CodeInternal, nil)
	},
	"the answer is larger than any can be": func(q *question) {
		r := q.reply(0, q.doc.Inputs)
		r.Errors = []wire.ItemError{{Index: 0, Message: string(make([]byte, 500_000))}}
		q.last(r)
	},
}

// last sends a reply as the only part.
func (q *question) last(r *wire.TextReply) {
	m := q.frame(0, r)
	m.Header.Set(wire.HeaderParts, "1")
	q.send(m, &nats.Msg{})
}

// two sends replies as the first and the last part.
func (q *question) two(first, last *wire.TextReply) {
	m := q.frame(1, last)
	m.Header.Set(wire.HeaderParts, "2")
	q.send(q.frame(0, first), m, &nats.Msg{})
}

func TestABrokenAnswerIsAskedForOnceMore(t *testing.T) {
	s := startServer(t, 1<<20)
	for name, breach := range breaches {
		t.Run(name, func(t *testing.T) {
			f := startFake(t, s, func(n int, q *question) {
				if n == 0 {
					breach(q)
				} else {
					q.answer()
				}
			})
			model := newModel(t, newClient(t, s), "Fake")
			embedWhole(t, model, f, 10)
			q := f.questions()
			if len(q) != 2 {
				t.Fatalf("%d attempts", len(q))
			}
			first, again := q[0].msg.Header, q[1].msg.Header
			if first.Get(wire.HeaderAttemptID) == again.Get(wire.HeaderAttemptID) {
				t.Error("the second attempt has the id of the first")
			}
			if first.Get(wire.HeaderRequestID) != again.Get(wire.HeaderRequestID) {
				t.Error("the second attempt has another request id")
			}
		})
	}
}

func TestAnAnswerBrokenTwiceIsAnInternalError(t *testing.T) {
	s := startServer(t, 1<<20)
	for name, breach := range breaches {
		t.Run(name, func(t *testing.T) {
			f := startFake(t, s, func(_ int, q *question) { breach(q) })
			model := newModel(t, newClient(t, s), "Fake")
			vectors, err := model.Embed(background(t), numbered(10), 0)
			var e *fastembed.Error
			if vectors != nil || !errors.As(err, &e) || !errors.Is(err, fastembed.ErrInternal) {
				t.Fatalf("got %d vectors and %v", len(vectors), err)
			}
			if n := len(f.questions()); n != 2 {
				t.Errorf("%d attempts", n)
			}
		})
	}
}

func TestLateFramesOfAnAttemptThatWasGivenUpAreDropped(t *testing.T) {
	s := startServer(t, 1<<20)
	release := make(chan struct{})
	f := startFake(t, s, func(n int, q *question) {
		switch n {
		case 0:
			q.refuse(wire.CodeOverloaded, nil)
			<-release
			q.answer()
		default:
			close(release)
			q.fake.questions()[0].answer()
			q.answer()
		}
	})
	model := newModel(t, newClient(t, s), "Fake")
	texts := numbered(10)
	for range 2 {
		vectors, err := model.Embed(background(t), texts, 0)
		if err != nil {
			t.Fatal(err)
		}
		checkVectors(t, texts, vectors, f.dims)
		f.mu.Lock()
		f.script = nil
		f.mu.Unlock()
	}
}

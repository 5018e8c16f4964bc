package fastembed

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/fastembed-nats/fastembed-nats/clients/go/internal/wire"
)

// Info is what a worker says of a model it serves.
type Info struct {
	// Op is the operation, such as "text", and Model the name it is called by.
	Op, Model string
	// Space is the fingerprint of what the vectors mean: vectors of one space can
	// be compared, others cannot.
	Space string
	// Instance is the worker that answered, and Version its version.
	Instance, Version string
	// Dimensions is the length of a dense vector; 0 if the model makes none.
	Dimensions int
	// Matryoshka are shorter lengths that the model was trained for; see
	// [WithDimensions].
	Matryoshka []int
	// MaxTokens is the length, in tokens, that texts are truncated to.
	MaxTokens int
	// Pooling says how token vectors become one: "mean" or "cls", for example.
	Pooling string
	// Normalized is true if vectors have unit length unless the call says
	// otherwise.
	Normalized bool
	// Encodings, Features and Prompts list what calls may ask for.
	Encodings, Features, Prompts []string
	// Outputs are the kinds of vectors that a joint model makes.
	Outputs []Output
	// ScoreKind is what a reranker's scores are by default; "" for other models.
	ScoreKind ScoreKind
	// Aliases are other names of the model, such as the hub's "BAAI/bge-small-en".
	// Calls take the Model, not an alias.
	Aliases []string
	// License and Source say where the weights are from.
	License, Source string
	// Limits are the worker's bounds.
	Limits Limits
}

// Limits are the bounds a worker sets on requests. Embed splits calls so that
// requests stay within them.
type Limits struct {
	// MaxInputs is the most texts or documents in one request.
	MaxInputs int
	// MaxInputBytes is the most bytes of UTF-8 in one text.
	MaxInputBytes int
	// MaxImages is the most images in one request and MaxImageBytes the most bytes
	// of one; 0 for models of texts.
	MaxImages, MaxImageBytes int
	// DefaultTimeout and MaxTimeout are the time a request gets and can get.
	DefaultTimeout, MaxTimeout time.Duration
}

// maxInfoBytes bounds an info reply, which takes well below 4 KiB. The server's
// max_payload would do, but is not known before the first connection.
const maxInfoBytes = 1 << 20

// info asks for a model. An answer comes from one worker, so one round trip is
// all it takes; that nobody listens is an answer too.
func (c *Client) info(ctx context.Context, op, model string) (*Info, error) {
	var reply *wire.InfoReply
	q := &request{
		subject:  c.infoSubject(op, model),
		body:     wire.AppendInfoRequest(nil, &wire.InfoRequest{}),
		id:       newID(),
		messages: 1,
		bytes:    maxInfoBytes,
		// Facts wait for no model, so no signs of life are needed before them.
		silence: c.opts.silence,
		unheard: func() *Error {
			return newError(wire.CodeModelNotFound, "no worker serves %q for op %q", model, op).because(nats.ErrNoResponders)
		},
	}
	q.begin = func() func(*nats.Msg) (bool, error) {
		return func(m *nats.Msg) (bool, error) {
			var err error
			if reply, err = wire.DecodeInfoReply(m.Data); err != nil {
				return false, badReply(m, err)
			}
			if reply.Op != op || reply.Model != model {
				return false, badReply(m, fmt.Errorf("it is about %q for op %q", reply.Model, reply.Op))
			}
			return true, nil
		}
	}
	if err := c.call(ctx, q); err != nil {
		return nil, err
	}
	return newInfo(reply), nil
}

func newInfo(r *wire.InfoReply) *Info {
	info := &Info{
		Op: r.Op, Model: r.Model, Space: r.Space, Instance: r.Instance, Version: r.Version,
		Dimensions: int(r.Dimensions), MaxTokens: int(r.MaxTokens),
		Pooling: r.Pooling, Normalized: r.Normalized,
		Encodings: r.Encodings, Features: r.Features, Prompts: r.Prompts, Aliases: r.Aliases,
		License: r.License, Source: r.Source,
		Limits: Limits{
			MaxInputs:      int(r.Limits.MaxInputs),
			MaxInputBytes:  int(r.Limits.MaxInputBytes),
			DefaultTimeout: time.Duration(r.Limits.DefaultTimeoutMs) * time.Millisecond,
			MaxTimeout:     time.Duration(r.Limits.MaxTimeoutMs) * time.Millisecond,
		},
	}
	for _, n := range r.Matryoshka {
		info.Matryoshka = append(info.Matryoshka, int(n))
	}
	for _, name := range r.Outputs {
		info.Outputs = append(info.Outputs, Output(name))
	}
	if r.ScoreKind != nil {
		info.ScoreKind = ScoreKind(*r.ScoreKind)
	}
	if r.Images != nil {
		info.Limits.MaxImages, info.Limits.MaxImageBytes = int(r.Images.MaxImages), int(r.Images.MaxImageBytes)
	} else if r.Op == wire.OpImage {
		info.Limits.MaxImages, info.Limits.MaxImageBytes = wire.MaxImages, wire.MaxImageBytes
	}
	return info
}

// clone keeps callers from writing into what an embedding works with.
func (i *Info) clone() Info {
	c := *i
	c.Encodings = slices.Clone(i.Encodings)
	c.Features = slices.Clone(i.Features)
	c.Prompts = slices.Clone(i.Prompts)
	c.Aliases = slices.Clone(i.Aliases)
	c.Matryoshka = slices.Clone(i.Matryoshka)
	c.Outputs = slices.Clone(i.Outputs)
	return c
}

// badReply is the error for a reply that breaks the contract: the worker's
// fault, found here.
func badReply(m *nats.Msg, err error) *Error {
	return newError(wire.CodeInternal, "a reply of worker %q breaks the contract: %v",
		m.Header.Get(wire.HeaderInstance), err)
}

package test

import (
	"encoding/binary"
	"encoding/json"
	"hash/fnv"
	"math"
	"slices"
	"strconv"
	"sync"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/fastembed-nats/fastembed-nats/clients/go"
	"github.com/fastembed-nats/fastembed-nats/clients/go/internal/wire"
)

// fake is a worker that speaks the contract, or breaks it as its script says.
type fake struct {
	t        *testing.T
	nc       *nats.Conn
	op       string
	model    string
	instance string
	dims     int
	limits   wire.ModelLimits
	features []string
	more     func(*wire.InfoReply) // what its facts have besides

	mu     sync.Mutex
	space  string
	mute   int // questions for facts that it does not answer
	script func(n int, q *question)
	log    []*question
	asked  chan *question // what the script was given
	over   bool
	work   sync.WaitGroup // grows while not over
	subs   []*nats.Subscription
}

// question is one request, as the fake received it.
type question struct {
	fake *fake
	msg  *nats.Msg
	doc  *wire.TextRequest // nil if it is of another operation
	bad  error             // why the request cannot be read
}

// startFake joins the queue group. script is run for each request, on a
// goroutine of its own, with the number of requests before; nil answers.
func startFake(t *testing.T, s *server, script func(n int, q *question), change ...func(*fake)) *fake {
	t.Helper()
	f := &fake{
		t: t, op: wire.OpText, model: "Fake", instance: "I1", dims: 8, space: "Fake:1",
		features: []string{wire.AcceptParts, wire.AcceptAlive},
		script:   script, asked: make(chan *question, 100_000),
		limits: wire.ModelLimits{
			MaxInputs: wire.MaxInputs, MaxInputBytes: wire.MaxInputBytes, MaxMetaBytes: wire.MaxMetaBytes,
			MaxPartBytes: wire.MaxPartBytes, DefaultTimeoutMs: wire.DefaultTimeoutMs, MaxTimeoutMs: wire.MaxTimeoutMs,
		},
	}
	for _, c := range change {
		c(f)
	}
	t.Cleanup(f.finish) // runs after the connection is closed
	f.nc = s.connect(t, "worker")
	f.subscribe("fastembed.v1.info."+f.op+"_"+f.model, wire.QueueGroup, f.info)
	f.subscribe("fastembed.v1."+f.op+"."+f.model, wire.QueueGroup, f.call)
	f.subscribe("$SRV.INFO.fastembed", "", f.service)
	if err := f.nc.Flush(); err != nil {
		t.Fatal(err)
	}
	return f
}

func (f *fake) subscribe(subject, queue string, handle nats.MsgHandler) {
	f.t.Helper()
	sub, err := f.nc.QueueSubscribe(subject, queue, handle)
	if err != nil {
		f.t.Fatal(err)
	}
	f.subs = append(f.subs, sub)
}

// leave ends the subscriptions; when it returns the server knows.
func (f *fake) leave() {
	f.t.Helper()
	for _, sub := range f.subs {
		if err := sub.Unsubscribe(); err != nil {
			f.t.Fatal(err)
		}
	}
	if err := f.nc.Flush(); err != nil {
		f.t.Fatal(err)
	}
}

func (f *fake) info(m *nats.Msg) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.mute > 0 {
		f.mute--
		return
	}
	reply := &nats.Msg{Subject: m.Reply, Header: nats.Header{wire.HeaderInstance: {f.instance}}}
	facts := &wire.InfoReply{
		Op: f.op, Model: f.model, Space: f.space, Instance: f.instance, Version: "0.0.0",
		Dimensions: uint32(f.dims), MaxTokens: 256, Pooling: "mean", Normalized: true,
		Encodings: []string{wire.EncodingF32}, Features: f.features, Limits: f.limits,
	}
	if f.more != nil {
		f.more(facts)
	}
	reply.Data = wire.AppendInfoReply(nil, facts)
	_ = f.nc.PublishMsg(reply)
}

func (f *fake) service(m *nats.Msg) {
	type endpoint struct {
		Name     string            `json:"name"`
		Subject  string            `json:"subject"`
		Metadata map[string]string `json:"metadata"`
	}
	b, err := json.Marshal(map[string]any{
		"type": "io.nats.micro.v1.info_response", "name": wire.ServiceName, "id": f.instance, "version": "0.0.0",
		"endpoints": []endpoint{
			{"text_" + f.model, "fastembed.v1.text." + f.model, map[string]string{"space": f.space}},
			{"info_text_" + f.model, "fastembed.v1.info.text_" + f.model, nil},
		},
	})
	if err != nil {
		panic(err)
	}
	for range 2 { // as one would that is reached on two ways
		_ = m.Respond(b)
	}
}

func (f *fake) call(m *nats.Msg) {
	q := &question{fake: f, msg: m}
	if f.op == wire.OpText {
		q.doc, q.bad = wire.DecodeTextRequest(m.Data)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.over {
		return
	}
	n, script := len(f.log), f.script
	if script == nil {
		script = func(_ int, q *question) { q.answer() }
	}
	f.log = append(f.log, q)
	f.work.Go(func() {
		f.asked <- q
		script(n, q)
	})
}

// finish takes no more requests and waits for the scripts that run.
func (f *fake) finish() {
	f.mu.Lock()
	f.over = true
	f.mu.Unlock()
	f.work.Wait()
}

// questions returns the requests so far.
func (f *fake) questions() []*question {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.log)
}

func (f *fake) setSpace(space string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.space = space
}

// space is that of the vectors the question asks for.
func (q *question) space() string {
	q.fake.mu.Lock()
	defer q.fake.mu.Unlock()
	space := q.fake.space
	if q.doc.Normalize != nil && !*q.doc.Normalize {
		space += wire.SpaceSuffixRaw
	}
	if d := q.doc.Dimensions; d != nil && int(*d) != q.fake.dims {
		space += wire.SpaceSuffixDimensions + strconv.Itoa(int(*d))
	}
	return space
}

// answer does what a sound worker does.
func (q *question) answer() {
	switch {
	case q.bad != nil:
		q.refuse(wire.CodeInvalidRequest, nil)
	case q.doc.Space != nil && *q.doc.Space != q.space():
		q.refuse(wire.CodeSpaceMismatch, nil)
	default:
		q.send(q.frames(q.fake.partRows())...)
	}
}

func (f *fake) partRows() int {
	most := min(int(f.nc.MaxPayload())-wire.PayloadReserveBytes, wire.MaxPartBytes)
	return max(1, (most-1024)/(4*f.dims+16))
}

// frames cuts the answer into parts of so many rows, and the end.
func (q *question) frames(rows int) []*nats.Msg {
	var frames []*nats.Msg
	all := q.doc.Inputs
	for first := 0; first < len(all); first += rows {
		part := q.reply(first, all[first:min(first+rows, len(all))])
		frames = append(frames, q.frame(len(frames), part))
	}
	frames[len(frames)-1].Header.Set(wire.HeaderParts, strconv.Itoa(len(frames)))
	return append(frames, &nats.Msg{})
}

func (q *question) reply(first int, texts []string) *wire.TextReply {
	f := q.fake
	reply := &wire.TextReply{
		Reply: wire.Reply{
			Model: f.model, Space: q.space(), Instance: f.instance,
			Tokens: make([]uint32, len(texts)), Truncated: make([]bool, len(texts)),
			TimingsUs: wire.Timings{Wait: 1, Tokenize: 2, Queue: 3, Infer: 4, Total: 10},
		},
		Embeddings: wire.VectorBlock{
			Dtype: wire.EncodingF32, Dims: uint32(f.dims), Count: uint32(len(texts)), First: uint32(first),
		},
	}
	for i, text := range texts {
		for _, x := range vector(text, f.dims) {
			reply.Embeddings.Data = binary.LittleEndian.AppendUint32(reply.Embeddings.Data, math.Float32bits(x))
		}
		reply.Tokens[i] = uint32(len(text))
	}
	return reply
}

func (q *question) frame(part int, reply *wire.TextReply) *nats.Msg {
	return &nats.Msg{
		Header: nats.Header{wire.HeaderPart: {strconv.Itoa(part)}, wire.HeaderInstance: {q.fake.instance}},
		Data:   wire.AppendTextReply(nil, reply),
	}
}

// alive is a sign of life.
func (q *question) alive() *nats.Msg {
	return &nats.Msg{
		Header: nats.Header{wire.HeaderInstance: {q.fake.instance}},
		Data:   wire.AppendAliveFrame(nil, &wire.AliveFrame{Alive: true, Instance: q.fake.instance}),
	}
}

// refuse answers with an error, then the end.
func (q *question) refuse(code wire.Code, change func(*wire.ErrorReply)) {
	body := &wire.ErrorReply{Code: uint32(code.Number), Name: code.Name, Message: "told to", Retry: code.Retry}
	if change != nil {
		change(body)
	}
	q.send(&nats.Msg{
		Header: nats.Header{
			wire.HeaderServiceError:     {body.Name},
			wire.HeaderServiceErrorCode: {strconv.Itoa(int(body.Code))},
			wire.HeaderInstance:         {q.fake.instance},
		},
		Data: wire.AppendErrorReply(nil, body),
	}, &nats.Msg{})
}

// send publishes frames to the caller. A connection that broke meanwhile is the
// test's intent.
func (q *question) send(frames ...*nats.Msg) {
	for _, m := range frames {
		m.Subject = q.msg.Reply
		_ = q.fake.nc.PublishMsg(m)
	}
	_ = q.fake.nc.Flush()
}

// vector is what a fake makes of a text: a hash of it, so that every vector of
// an answer can be checked.
func vector(text string, dims int) []float32 {
	h := fnv.New64a()
	h.Write([]byte(text))
	x := h.Sum64()
	v := make([]float32, dims)
	for i := range v {
		x = x*6364136223846793005 + 1442695040888963407
		v[i] = float32(int32(x>>32)) / (1 << 31)
	}
	return v
}

// checkVectors compares every vector with what its text must give.
func checkVectors(t *testing.T, texts []string, got [][]float32, dims int) {
	t.Helper()
	if len(got) != len(texts) {
		t.Fatalf("%d vectors for %d texts", len(got), len(texts))
	}
	for i, text := range texts {
		if !slices.Equal(got[i], vector(text, dims)) {
			t.Fatalf("the vector of text %d is not its own", i)
		}
	}
}

// embedWhole embeds n texts and compares every vector with what f must give.
func embedWhole(t *testing.T, model *fastembed.TextEmbedding, f *fake, n int) {
	t.Helper()
	texts := numbered(n)
	vectors, err := model.Embed(background(t), texts, 0)
	if err != nil {
		t.Fatal(err)
	}
	checkVectors(t, texts, vectors, f.dims)
}

// numbered returns n different texts.
func numbered(n int) []string {
	texts := make([]string, n)
	for i := range texts {
		texts[i] = "text number " + strconv.Itoa(i)
	}
	return texts
}

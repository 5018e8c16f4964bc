package test

import (
	"encoding/binary"
	"hash/fnv"
	"math"
	"slices"
	"strconv"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/fastembed-nats/fastembed-nats/clients/go"
	"github.com/fastembed-nats/fastembed-nats/clients/go/internal/wire"
)

// ofOp makes a fake serve another operation than text.
func ofOp(op string, more func(*wire.InfoReply)) func(*fake) {
	return func(f *fake) { f.op, f.more = op, more }
}

// parts answers with these bodies, numbered, and the end.
func (q *question) parts(bodies ...[]byte) {
	var frames []*nats.Msg
	for i, body := range bodies {
		h := nats.Header{wire.HeaderPart: {strconv.Itoa(i)}, wire.HeaderInstance: {q.fake.instance}}
		if i == len(bodies)-1 {
			h.Set(wire.HeaderParts, strconv.Itoa(len(bodies)))
		}
		frames = append(frames, &nats.Msg{Header: h, Data: body})
	}
	q.send(append(frames, &nats.Msg{})...)
}

// head is what replies of all kinds begin and end with.
func (q *question) head(inputs int) wire.Reply {
	f := q.fake
	return wire.Reply{
		Model: f.model, Space: f.space, Instance: f.instance,
		Tokens: make([]uint32, inputs), Truncated: make([]bool, inputs),
		TimingsUs: wire.Timings{Wait: 1, Tokenize: 2, Queue: 3, Infer: 4, Total: 10},
	}
}

// must is for what the client sends, which is sound unless the client is not.
func must[T any](t *testing.T, read func([]byte) (*T, error), q *question) *T {
	doc, err := read(q.msg.Data)
	if err != nil {
		t.Errorf("the client sent what nobody can read: %v", err)
		return new(T)
	}
	return doc
}

func hash(text string) uint64 {
	h := fnv.New64a()
	h.Write([]byte(text))
	return h.Sum64()
}

// sparseOf is what a fake makes of a text: nothing at times.
func sparseOf(text string) fastembed.SparseEmbedding {
	x := hash(text)
	s := fastembed.SparseEmbedding{Indices: []uint32{}, Values: []float32{}}
	index := uint32(0)
	for range x % 4 {
		x = x*6364136223846793005 + 1442695040888963407
		index += 1 + uint32(x>>40)
		s.Indices, s.Values = append(s.Indices, index), append(s.Values, float32(x>>50)/64)
	}
	return s
}

func sparseBlock(first int, texts []string) wire.SparseBlock {
	b := wire.SparseBlock{Count: uint32(len(texts)), First: uint32(first), Offsets: u32s(0)}
	for _, text := range texts {
		s := sparseOf(text)
		b.Indices, b.Values = append(b.Indices, u32s(s.Indices...)...), append(b.Values, f32s(s.Values...)...)
		b.Offsets = append(b.Offsets, u32s(uint32(len(b.Indices)/4))...)
	}
	return b
}

func u32s(list ...uint32) (b []byte) {
	for _, n := range list {
		b = binary.LittleEndian.AppendUint32(b, n)
	}
	return b
}

func f32s(list ...float32) (b []byte) {
	for _, x := range list {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(x))
	}
	return b
}

func denseBlock(first int, texts []string, dims int) wire.VectorBlock {
	b := wire.VectorBlock{Dtype: wire.EncodingF32, Dims: uint32(dims), Count: uint32(len(texts)), First: uint32(first)}
	for _, text := range texts {
		b.Data = append(b.Data, f32s(vector(text, dims)...)...)
	}
	return b
}

const tokenDims = 4

// tokensOf is a fake's vectors of a text's tokens: none at times.
func tokensOf(text string) [][]float32 {
	var list [][]float32
	for i := range hash(text) % 7 {
		list = append(list, vector(text+strconv.Itoa(int(i)), tokenDims))
	}
	return list
}

func colbertBlock(first int, rows ...[][]float32) *wire.ColBERTBlock {
	b := &wire.ColBERTBlock{Dims: tokenDims, Count: uint32(len(rows)), First: uint32(first), Offsets: u32s(0)}
	for _, row := range rows {
		for _, v := range row {
			b.Data = append(b.Data, f32s(v...)...)
		}
		b.Offsets = append(b.Offsets, u32s(uint32(len(b.Data)/4/tokenDims))...)
	}
	return b
}

// scoreOf is a fake's score: one of nine, so that many are equal.
func scoreOf(query, document string) float32 { return float32(hash(query+"\x00"+document)%9) / 8 }

// ranking is a sound answer to a rerank request.
func (q *question) ranking(doc *wire.RerankRequest, fails func(document string) bool) *wire.RerankReply {
	r := &wire.RerankReply{Reply: q.head(len(doc.Documents)), ScoreKind: wire.ScoreKindSigmoid}
	if doc.RawScores != nil && *doc.RawScores {
		r.ScoreKind = wire.ScoreKindLogit
	}
	for i, document := range doc.Documents {
		r.Tokens[i] = uint32(len(document))
		if fails != nil && fails(document) {
			r.Errors = append(r.Errors, wire.ItemError{Index: uint32(i), Code: 422, Name: "input_too_long"})
			continue
		}
		r.Results = append(r.Results, wire.Score{Index: uint32(i), Score: scoreOf(doc.Query, document)})
	}
	slices.SortStableFunc(r.Results, func(x, y wire.Score) int {
		return map[bool]int{true: 1}[x.Score < y.Score] - map[bool]int{true: 1}[x.Score > y.Score]
	})
	if doc.TopN != nil {
		r.Results = r.Results[:min(len(r.Results), int(*doc.TopN))]
	}
	return r
}

// vectorsOfImages is a fake's answer to images, each by its bytes.
func (q *question) vectorsOfImages(doc *wire.ImageRequest) *wire.ImageReply {
	var names []string
	for _, image := range doc.Images {
		names = append(names, string(image))
	}
	for _, o := range doc.Objects {
		names = append(names, o.Bucket+"/"+o.Name)
	}
	r := &wire.ImageReply{Reply: q.head(0), Embeddings: denseBlock(0, names, q.fake.dims)}
	r.Tokens, r.Truncated = nil, nil
	return r
}

// joint is a sound answer to a joint request: whole rows first to the end.
func (q *question) joint(doc *wire.JointRequest, first, end int) *wire.JointReply {
	texts := doc.Inputs[first:end]
	wants := func(output string) bool { return doc.Outputs == nil || slices.Contains(doc.Outputs, output) }
	r := &wire.JointReply{Reply: q.head(len(texts))}
	if wants(wire.OutputDense) {
		b := denseBlock(first, texts, q.fake.dims)
		r.Embeddings = &b
	}
	if wants(wire.OutputSparse) {
		b := sparseBlock(first, texts)
		r.Sparse = &b
	}
	if wants(wire.OutputColbert) {
		var rows [][][]float32
		for _, text := range texts {
			rows = append(rows, tokensOf(text))
		}
		r.ColBERT = colbertBlock(first, rows...)
	}
	for i, text := range texts {
		r.Tokens[i] = uint32(len(text))
	}
	return r
}

// goesOn is a part with more vectors of a row, alone.
func (q *question) goesOn(row, from int, vectors ...[]float32) *wire.JointReply {
	r := &wire.JointReply{Reply: q.head(0), ColBERT: colbertBlock(row, vectors)}
	r.ColBERT.From, r.Tokens, r.Truncated = uint32(from), nil, nil
	return r
}

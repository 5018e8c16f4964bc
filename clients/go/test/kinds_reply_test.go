package test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/fastembed-nats/fastembed-nats/clients/go"
	"github.com/fastembed-nats/fastembed-nats/clients/go/internal/wire"
)

// kindCall is a call of ten inputs of one operation, and how answers to it can
// break the contract.
type kindCall struct {
	op       string
	call     func(ctx context.Context, c *fastembed.Client) error
	answer   func(t *testing.T, q *question)
	breaches map[string]func(t *testing.T, q *question)
}

// kindCalls are all but text, whose breaches are in the table of its own.
var kindCalls = []kindCall{
	{
		op: wire.OpSparse,
		call: func(ctx context.Context, c *fastembed.Client) error {
			m, err := c.NewSparseTextEmbedding(ctx, "Fake")
			if err != nil {
				return err
			}
			_, err = m.Embed(ctx, numbered(10), 0)
			return err
		},
		answer: breakSparse(func(*wire.SparseReply) {}),
		breaches: map[string]func(*testing.T, *question){
			"offsets that do not begin with 0": breakSparse(func(r *wire.SparseReply) { r.Sparse.Offsets[0] = 1 }),
			"offsets beyond the entries":       breakSparse(func(r *wire.SparseReply) { r.Sparse.Offsets[40] = 200 }),
			"offsets that fall":                breakSparse(func(r *wire.SparseReply) { r.Sparse.Offsets[4] = 255 }),
			"an offset of 4 GiB":               breakSparse(func(r *wire.SparseReply) { r.Sparse.Offsets[43] = 255 }),
			"4 billion rows":                   breakSparse(func(r *wire.SparseReply) { r.Sparse.Count = 1<<32 - 1 }),
			"a value that is not finite":       breakSparse(func(r *wire.SparseReply) { copy(r.Sparse.Values, "\x00\x00\xc0\x7f") }),
			"rows of elsewhere":                breakSparse(func(r *wire.SparseReply) { r.Sparse.First = 1 }),
			"another space":                    breakSparse(func(r *wire.SparseReply) { r.Space = "Fake:2" }),
			"another model":                    breakSparse(func(r *wire.SparseReply) { r.Model = "Other" }),
			"tokens of nine":                   breakSparse(func(r *wire.SparseReply) { r.Tokens = r.Tokens[1:] }),
			"an error of nobody":               breakSparse(func(r *wire.SparseReply) { r.Errors = []wire.ItemError{{Index: 10}} }),
			"indices that do not rise": breakSparse(func(r *wire.SparseReply) {
				r.Sparse = wire.SparseBlock{Count: 10, Offsets: u32s(0, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2), Indices: u32s(5, 5), Values: f32s(1, 2)}
			}),
			"rows for nine": breakSparse(func(r *wire.SparseReply) {
				r.Sparse, r.Tokens, r.Truncated = sparseBlock(0, numbered(9)), r.Tokens[1:], r.Truncated[1:]
			}),
			"dense vectors": func(_ *testing.T, q *question) {
				q.parts(wire.AppendTextReply(nil, &wire.TextReply{Reply: q.head(10), Embeddings: denseBlock(0, numbered(10), 8)}))
			},
		},
	},
	{
		op: wire.OpImage,
		call: func(ctx context.Context, c *fastembed.Client) error {
			m, err := c.NewImageEmbedding(ctx, "Fake")
			if err != nil {
				return err
			}
			list, _ := images(10)
			_, err = m.Embed(ctx, list, 0)
			return err
		},
		answer: breakImages(func(*wire.ImageReply) {}),
		breaches: map[string]func(*testing.T, *question){
			"other dimensions":          breakImages(func(r *wire.ImageReply) { r.Embeddings.Dims, r.Embeddings.Data = 4, r.Embeddings.Data[:160] }),
			"a row less":                breakImages(func(r *wire.ImageReply) { r.Embeddings = denseBlock(0, numbered(9), 8) }),
			"a row more":                breakImages(func(r *wire.ImageReply) { r.Embeddings = denseBlock(0, numbered(11), 8) }),
			"rows of elsewhere":         breakImages(func(r *wire.ImageReply) { r.Embeddings.First = 1 << 31 }),
			"4 billion rows of nothing": breakImages(func(r *wire.ImageReply) { r.Embeddings = wire.VectorBlock{Dtype: "f32", Count: 1<<32 - 1} }),
			"another encoding":          breakImages(func(r *wire.ImageReply) { r.Embeddings.Dtype, r.Embeddings.Data = "f16", r.Embeddings.Data[:160] }),
			"a number that is NaN":      breakImages(func(r *wire.ImageReply) { copy(r.Embeddings.Data, "\x00\x00\xc0\x7f") }),
			"an error of nobody":        breakImages(func(r *wire.ImageReply) { r.Errors = []wire.ItemError{{Index: 1 << 31}} }),
		},
	},
	{
		op: wire.OpRerank,
		call: func(ctx context.Context, c *fastembed.Client) error {
			m, err := c.NewTextRerank(ctx, "Fake")
			if err != nil {
				return err
			}
			_, err = m.Rerank(ctx, "q", numbered(10), 0, fastembed.WithTopN(5))
			return err
		},
		answer: breakRanking(func(*wire.RerankReply) {}),
		breaches: map[string]func(*testing.T, *question){
			"a result less":           breakRanking(func(r *wire.RerankReply) { r.Results = r.Results[1:] }),
			"a result more":           breakRanking(func(r *wire.RerankReply) { r.Results = append(r.Results, worst(r)) }),
			"a result twice":          breakRanking(func(r *wire.RerankReply) { r.Results[1] = r.Results[0] }),
			"a result of nobody":      breakRanking(func(r *wire.RerankReply) { r.Results[4] = wire.Score{Index: 10, Score: -1} }),
			"results worst first":     breakRanking(func(r *wire.RerankReply) { slices.Reverse(r.Results); r.Results[0].Score = -1 }),
			"equal ones not by index": breakRanking(func(r *wire.RerankReply) { equal(r.Results); slices.Reverse(r.Results) }),
			"raw scores":              breakRanking(func(r *wire.RerankReply) { r.ScoreKind = wire.ScoreKindLogit }),
			"an unknown kind":         breakRanking(func(r *wire.RerankReply) { r.ScoreKind = "bm25" }),
			"no counts":               breakRanking(func(r *wire.RerankReply) { r.Tokens, r.Truncated = nil, nil }),
			"counts of nine":          breakRanking(func(r *wire.RerankReply) { r.Tokens, r.Truncated = r.Tokens[1:], r.Truncated[1:] }),
			"a failed document with a result": breakRanking(func(r *wire.RerankReply) {
				for i := range 6 { // leaves four good ones
					r.Errors = append(r.Errors, wire.ItemError{Index: uint32(i)})
				}
				r.Results = []wire.Score{{Index: 0}, {Index: 6}, {Index: 7}, {Index: 8}}
			}),
			"two parts": func(t *testing.T, q *question) {
				doc := must(t, wire.DecodeRerankRequest, q)
				half := wire.AppendRerankReply(nil, q.ranking(&wire.RerankRequest{Query: "q", Documents: doc.Documents[:5]}, nil))
				q.parts(half, half)
			},
		},
	},
	{
		op: wire.OpJoint,
		call: func(ctx context.Context, c *fastembed.Client) error {
			m, err := c.NewJointEmbedding(ctx, "Fake")
			if err != nil {
				return err
			}
			_, err = m.Embed(ctx, numbered(10), 0)
			return err
		},
		answer: breakJoint(func(*wire.JointReply) {}),
		breaches: map[string]func(*testing.T, *question){
			"no dense vectors":     breakJoint(func(r *wire.JointReply) { r.Embeddings = nil }),
			"no sparse vectors":    breakJoint(func(r *wire.JointReply) { r.Sparse = nil }),
			"no tokens' vectors":   breakJoint(func(r *wire.JointReply) { r.ColBERT = nil }),
			"other dimensions":     breakJoint(func(r *wire.JointReply) { *r.Embeddings = denseBlock(0, numbered(10), 7) }),
			"blocks of other rows": breakJoint(func(r *wire.JointReply) { *r.Sparse = sparseBlock(0, numbered(9)) }),
			"4 billion vectors of nothing": breakJoint(func(r *wire.JointReply) {
				n := uint32(1<<32 - 1)
				*r.ColBERT = wire.ColBERTBlock{Count: 10, Offsets: u32s(0, n, n, n, n, n, n, n, n, n, n)}
			}),
			"vectors cut short":                        breakJoint(func(r *wire.JointReply) { r.ColBERT.Data = r.ColBERT.Data[4:] }),
			"a row that goes on at the wrong place":    goesOnAt(1, tokenDims),
			"a row that goes on after the next":        goesOnAt(-100, tokenDims),
			"a row that goes on with other dimensions": goesOnAt(0, tokenDims+1),
			"a row that goes on without vectors": func(t *testing.T, q *question) {
				whole := q.joint(must(t, wire.DecodeJointRequest, q), 0, 10)
				q.parts(wire.AppendJointReply(nil, whole), wire.AppendJointReply(nil, q.goesOn(9, lastRow(whole))))
			},
			"a row that goes on before it began": func(t *testing.T, q *question) {
				whole := q.joint(must(t, wire.DecodeJointRequest, q), 0, 10)
				q.parts(wire.AppendJointReply(nil, q.goesOn(0, 1, vector("x", tokenDims))), wire.AppendJointReply(nil, whole))
			},
			"a row that goes on at the end of all": func(t *testing.T, q *question) {
				whole := q.joint(must(t, wire.DecodeJointRequest, q), 0, 10)
				part := q.goesOn(0, 1, vector("x", tokenDims))
				part.ColBERT.First = 1<<32 - 1
				q.parts(wire.AppendJointReply(nil, part), wire.AppendJointReply(nil, whole))
			},
			"rows that go on in a part that is lost": func(t *testing.T, q *question) {
				whole := q.joint(must(t, wire.DecodeJointRequest, q), 0, 10)
				m := &nats.Msg{Header: nats.Header{wire.HeaderPart: {"0"}}, Data: wire.AppendJointReply(nil, whole)}
				q.send(m, &nats.Msg{})
			},
		},
	},
}

func breakSparse(change func(*wire.SparseReply)) func(*testing.T, *question) {
	return func(t *testing.T, q *question) {
		doc := must(t, wire.DecodeSparseRequest, q)
		r := &wire.SparseReply{Reply: q.head(10), Sparse: sparseBlock(0, doc.Inputs)}
		change(r)
		q.parts(wire.AppendSparseReply(nil, r))
	}
}

func breakImages(change func(*wire.ImageReply)) func(*testing.T, *question) {
	return func(t *testing.T, q *question) {
		r := q.vectorsOfImages(must(t, wire.DecodeImageRequest, q))
		change(r)
		q.parts(wire.AppendImageReply(nil, r))
	}
}

func breakRanking(change func(*wire.RerankReply)) func(*testing.T, *question) {
	return func(t *testing.T, q *question) {
		r := q.ranking(must(t, wire.DecodeRerankRequest, q), nil)
		change(r)
		q.parts(wire.AppendRerankReply(nil, r))
	}
}

func breakJoint(change func(*wire.JointReply)) func(*testing.T, *question) {
	return func(t *testing.T, q *question) {
		r := q.joint(must(t, wire.DecodeJointRequest, q), 0, 10)
		change(r)
		q.parts(wire.AppendJointReply(nil, r))
	}
}

// worst is a result of a document that has none, behind all others.
func worst(r *wire.RerankReply) wire.Score {
	s := wire.Score{Score: -1}
	for slices.ContainsFunc(r.Results, func(other wire.Score) bool { return other.Index == s.Index }) {
		s.Index++
	}
	return s
}

func equal(results []wire.Score) {
	slices.SortFunc(results, func(x, y wire.Score) int { return int(x.Index) - int(y.Index) })
	for i := range results {
		results[i].Score = 0.5
	}
}

func lastRow(r *wire.JointReply) int {
	n := int(r.ColBERT.Count)
	return int(wire.Uint32At(r.ColBERT.Offsets, n) - wire.Uint32At(r.ColBERT.Offsets, n-1))
}

// goesOnAt sends the last row on with a vector that stands so much beside its
// place.
func goesOnAt(off, dims int) func(*testing.T, *question) {
	return func(t *testing.T, q *question) {
		whole := q.joint(must(t, wire.DecodeJointRequest, q), 0, 10)
		part := q.goesOn(9, max(1, lastRow(whole)+off), vector("x", tokenDims))
		if off < -10 {
			part.ColBERT.First = 8
		}
		if dims != tokenDims {
			part.ColBERT.Dims, part.ColBERT.Data = uint32(dims), f32s(vector("x", dims)...)
		}
		q.parts(wire.AppendJointReply(nil, whole), wire.AppendJointReply(nil, part))
	}
}

func TestABrokenAnswerOfAnyKindIsAskedForOnceMore(t *testing.T) {
	s := startServer(t, 1<<20)
	for _, kind := range kindCalls {
		for name, breach := range kind.breaches {
			t.Run(kind.op+" with "+strings.ReplaceAll(name, " ", "_"), func(t *testing.T) {
				for _, mends := range []bool{true, false} {
					f := startFake(t, s, func(n int, q *question) {
						if n == 0 || !mends {
							breach(t, q)
						} else {
							kind.answer(t, q)
						}
					}, ofOp(kind.op, nil))
					err := kind.call(background(t), newClient(t, s))
					if mends && err != nil || !mends && !errors.Is(err, fastembed.ErrInternal) {
						t.Errorf("mends %v: %v", mends, err)
					}
					if n := len(f.questions()); n != 2 {
						t.Errorf("mends %v: %d attempts: %v", mends, n, err)
					}
					f.leave()
				}
			})
		}
	}
}

func TestPackedVectorsAreRowsOfTheirEncoding(t *testing.T) {
	s := startServer(t, 1<<20)
	rows := map[fastembed.Encoding][]byte{
		fastembed.EncodingF32:     f32s(0.5, -2, 0, 1, 1, 1, 1, 1, -1),
		fastembed.EncodingF16:     []byte("\x00\x38\x00\xc0\x00\x00\x00\x3c\x00\x3c\x00\x3c\x00\x3c\x00\x3c\x00\xbc"),
		fastembed.EncodingI8:      append(f32s(0.5), 1, 0xfc, 0, 2, 2, 2, 2, 2, 0xfe),
		fastembed.EncodingUbinary: {0b1001_1111, 0},
	}
	f := startFake(t, s, func(_ int, q *question) {
		r := q.reply(0, q.doc.Inputs)
		encoding := fastembed.EncodingF32
		if q.doc.Encoding != nil {
			encoding = fastembed.Encoding(*q.doc.Encoding)
		}
		r.Embeddings.Dtype, r.Embeddings.Data = string(encoding), nil
		for i, text := range q.doc.Inputs {
			row := rows[encoding]
			if text == "text number 3" {
				row = make([]byte, len(row))
				r.Errors = []wire.ItemError{{Index: uint32(i), Code: 422, Name: "input_too_long"}}
			}
			r.Embeddings.Data = append(r.Embeddings.Data, row...)
		}
		if len(r.Errors) == len(q.doc.Inputs) {
			q.refuse(wire.CodeInputTooLong, nil)
			return
		}
		q.last(r)
	}, func(f *fake) { f.dims = 9 }, ofOp(wire.OpText, func(i *wire.InfoReply) {
		i.Encodings = []string{"f32", "f16", "i8", "ubinary", "array"}
	}))
	model := newModel(t, newClient(t, s), "Fake")
	for encoding, row := range rows {
		got, err := model.EmbedPacked(background(t), numbered(10), 3, encoding)
		if at := failed(t, err); !slices.Equal(at, []int{3}) || got.Rows[3] != nil || got.Vector(nil, 3) != nil {
			t.Fatalf("%s: texts %v failed", encoding, at)
		}
		want := []float32{0.5, -2, 0, 1, 1, 1, 1, 1, -1}
		if encoding == fastembed.EncodingUbinary {
			want = []float32{1, -1, -1, 1, 1, 1, 1, 1, -1}
		}
		for i := range got.Rows {
			if i != 3 && (!slices.Equal(got.Rows[i], row) || !slices.Equal(got.Vector(nil, i), want)) {
				t.Errorf("%s: row %d is %x, %v", encoding, i, got.Rows[i], got.Vector(nil, i))
			}
		}
	}
	before := len(f.questions())
	for _, encoding := range []fastembed.Encoding{"array", "f64", ""} {
		if _, err := model.EmbedPacked(background(t), numbered(1), 0, encoding); !errors.Is(err, fastembed.ErrInvalidRequest) {
			t.Errorf("%q: %v", encoding, err)
		}
	}
	if len(f.questions()) != before {
		t.Error("an encoding that is not served was sent")
	}
}

func TestCutVectorsAreOfASpaceOfTheirOwn(t *testing.T) {
	s := startServer(t, 1<<20)
	f := startFake(t, s, func(_ int, q *question) {
		f := q.fake
		r := q.reply(0, q.doc.Inputs)
		if d := q.doc.Dimensions; d != nil {
			r.Embeddings = denseBlock(0, q.doc.Inputs, int(*d))
		}
		if q.doc.Space == nil || *q.doc.Space != q.space() {
			t.Errorf("space %v is demanded of %q", q.doc.Space, f.space)
		}
		q.last(r)
	})
	model := newModel(t, newClient(t, s), "Fake", fastembed.WithDimensions(5))
	for want, opts := range map[string][]fastembed.EmbedOption{
		"Fake:1-d5":     nil,
		"Fake:1-raw-d5": {fastembed.WithNormalize(false)},
		"Fake:1-d3":     {fastembed.WithDimensions(3)},
		"Fake:1":        {fastembed.WithDimensions(8)},
		"Fake:1-raw":    {fastembed.WithDimensions(8), fastembed.WithNormalize(false)},
	} {
		result, err := model.EmbedDetailed(background(t), numbered(3), 0, opts...)
		if err != nil {
			t.Fatal(err)
		}
		if result.Space != want {
			t.Errorf("the space is %q, not %q", result.Space, want)
		}
	}
	if n := len(f.questions()); n != 5 {
		t.Errorf("%d requests", n)
	}
}

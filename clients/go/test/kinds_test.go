package test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/fastembed-nats/fastembed-nats/clients/go"
	"github.com/fastembed-nats/fastembed-nats/clients/go/internal/wire"
)

func TestSparseVectorsOfManyTextsComeBackInOrderFromTwoWorkers(t *testing.T) {
	s := startServer(t, 1<<16)
	script := func(_ int, q *question) {
		doc := must(t, wire.DecodeSparseRequest, q)
		var bodies [][]byte
		for first := 0; first < len(doc.Inputs); first += 10 {
			texts := doc.Inputs[first:min(first+10, len(doc.Inputs))]
			r := &wire.SparseReply{Reply: q.head(len(texts)), Sparse: sparseBlock(first, texts)}
			for i, text := range texts {
				r.Tokens[i] = uint32(len(text))
			}
			bodies = append(bodies, wire.AppendSparseReply(nil, r))
		}
		q.parts(bodies...)
	}
	sparse := ofOp(wire.OpSparse, func(i *wire.InfoReply) { i.Dimensions = 0 })
	startFake(t, s, script, sparse)
	startFake(t, s, script, sparse, func(f *fake) { f.instance = "I2" })
	model, err := newClient(t, s).NewSparseTextEmbedding(background(t), "Fake")
	if err != nil {
		t.Fatal(err)
	}
	texts := numbered(2000)
	for _, batch := range []int{0, 7, 4096} {
		result, err := model.EmbedDetailed(background(t), texts, batch)
		if err != nil {
			t.Fatal(err)
		}
		for i, text := range texts {
			want := sparseOf(text)
			if got := result.Vectors[i]; !slices.Equal(got.Indices, want.Indices) || !slices.Equal(got.Values, want.Values) {
				t.Fatalf("batch %d: text %d has %v, not %v", batch, i, got, want)
			}
			if result.Tokens[i] != uint32(len(text)) {
				t.Fatalf("text %d has %d tokens", i, result.Tokens[i])
			}
		}
		if batch == 7 && len(result.Instances) != 2 {
			t.Errorf("instances are %v", result.Instances)
		}
	}
}

func TestQueriesAndPassagesAskForWhatTheModelHas(t *testing.T) {
	s := startServer(t, 1<<20)
	for _, has := range []bool{true, false} {
		t.Run(fmt.Sprint("text ", has), func(t *testing.T) {
			f := startFake(t, s, nil, ofOp(wire.OpText, func(i *wire.InfoReply) {
				if has {
					i.Prompts = []string{"passage", "query"}
				}
			}))
			model := newModel(t, newClient(t, s), "Fake")
			for want, embed := range map[string]func() error{
				"query":   func() error { _, err := model.QueryEmbed(background(t), numbered(1), 0); return err },
				"passage": func() error { _, err := model.PassageEmbed(background(t), numbered(1), 0); return err },
				"own": func() error {
					_, err := model.QueryEmbed(background(t), numbered(1), 0, fastembed.WithPrompt("own"))
					return err
				},
			} {
				if err := embed(); err != nil {
					t.Fatal(err)
				}
				log := f.questions()
				got := log[len(log)-1].doc.Prompt
				if sent := got != nil; sent != (has || want == "own") || sent && *got != want {
					t.Errorf("%s: the prompt is %v", want, got)
				}
			}
		})
		t.Run(fmt.Sprint("sparse ", has), func(t *testing.T) {
			f := startFake(t, s, func(_ int, q *question) {
				doc := must(t, wire.DecodeSparseRequest, q)
				q.parts(wire.AppendSparseReply(nil, &wire.SparseReply{Reply: q.head(1), Sparse: sparseBlock(0, doc.Inputs)}))
			}, ofOp(wire.OpSparse, func(i *wire.InfoReply) {
				if has {
					i.Features = append(slices.Clone(i.Features), wire.FeatureQuery)
				}
			}))
			model, err := newClient(t, s).NewSparseTextEmbedding(background(t), "Fake")
			if err != nil {
				t.Fatal(err)
			}
			if _, err := model.QueryEmbed(background(t), numbered(1), 0); err != nil {
				t.Fatal(err)
			}
			if _, err := model.PassageEmbed(background(t), numbered(1), 0); err != nil {
				t.Fatal(err)
			}
			log := f.questions()
			asked, searched := must(t, wire.DecodeSparseRequest, log[0]).Query, must(t, wire.DecodeSparseRequest, log[1]).Query
			if (asked != nil && *asked) != has || searched != nil {
				t.Errorf("query is %v, then %v", asked, searched)
			}
		})
	}
}

func TestARerankingOfManyDocumentsIsThatOfOneRequest(t *testing.T) {
	s := startServer(t, 1<<16)
	startFake(t, s, func(_ int, q *question) {
		doc := must(t, wire.DecodeRerankRequest, q)
		if doc.ReturnDocuments != nil {
			t.Error("documents are asked back")
		}
		fails := func(document string) bool { return strings.Contains(document, "number 13") }
		q.parts(wire.AppendRerankReply(nil, q.ranking(doc, fails)))
	}, ofOp(wire.OpRerank, nil))
	model, err := newClient(t, s).NewTextRerank(background(t), "Fake")
	if err != nil {
		t.Fatal(err)
	}
	documents := numbered(120)
	documents[7] = "not UTF-8: \xff"
	bad := []int{7, 13}
	var want []fastembed.RerankResult
	for _, level := range []float32{8, 7, 6, 5, 4, 3, 2, 1, 0} {
		for i, document := range documents {
			if scoreOf("q", document) == level/8 && !slices.Contains(bad, i) {
				want = append(want, fastembed.RerankResult{Index: i, Score: level / 8, Document: document})
			}
		}
	}
	for _, batch := range []int{0, 1, 7, 4096} {
		for _, n := range []int{0, 1, 10, 1000} {
			var opts []fastembed.EmbedOption
			if n > 0 {
				opts = append(opts, fastembed.WithTopN(n))
			}
			opts = append(opts, fastembed.WithRawScores(n == 10))
			result, err := model.RerankDetailed(background(t), "q", documents, batch, opts...)
			if got := failed(t, err); !slices.Equal(got, bad) {
				t.Fatalf("documents %v failed: %v", got, err)
			}
			expected := want
			if n > 0 {
				expected = want[:min(n, len(want))]
			}
			if !slices.Equal(result.Results, expected) {
				t.Fatalf("batch %d, the best %d: %v", batch, n, result.Results)
			}
			if kind := result.ScoreKind; (kind == fastembed.ScoreLogit) != (n == 10) {
				t.Errorf("scores are %q", kind)
			}
			if result.Tokens[1] != uint32(len(documents[1])) || result.Tokens[13] != 0 {
				t.Errorf("tokens are %v", result.Tokens[:14])
			}
		}
	}
}

func TestALongQueryIsCountedWithEachDocument(t *testing.T) {
	s := startServer(t, 1<<20)
	f := startFake(t, s, func(_ int, q *question) {
		q.parts(wire.AppendRerankReply(nil, q.ranking(must(t, wire.DecodeRerankRequest, q), nil)))
	}, ofOp(wire.OpRerank, nil))
	model, err := newClient(t, s).NewTextRerank(background(t), "Fake")
	if err != nil {
		t.Fatal(err)
	}
	query := strings.Repeat("x", 20_000)
	if _, err := model.Rerank(background(t), query, numbered(10), 0); err != nil {
		t.Fatal(err)
	}
	for _, q := range f.questions() {
		if n := len(must(t, wire.DecodeRerankRequest, q).Documents); n > 3 {
			t.Errorf("a request has %d documents beside the query", n)
		}
	}
	for _, bad := range []string{strings.Repeat("x", wire.MaxInputBytes+1), "\xff"} {
		before := len(f.questions())
		_, err := model.Rerank(background(t), bad, numbered(2), 0)
		var batch *fastembed.BatchError
		if err == nil || errors.As(err, &batch) || len(f.questions()) != before {
			t.Errorf("a query of %d bytes: %v", len(bad), err)
		}
	}
}

func TestJointVectorsAreThoseAskedForWhateverTheParts(t *testing.T) {
	s := startServer(t, 1<<20)
	startFake(t, s, func(n int, q *question) {
		doc := must(t, wire.DecodeJointRequest, q)
		var bodies [][]byte
		add := func(r *wire.JointReply) { bodies = append(bodies, wire.AppendJointReply(nil, r)) }
		for row := range doc.Inputs {
			whole := q.joint(doc, row, row+1)
			if whole.ColBERT == nil || wire.Uint32At(whole.ColBERT.Offsets, 1) < 3 {
				add(whole)
				continue
			}
			// As though no more than two vectors had found room in a part.
			vectors := tokensOf(doc.Inputs[row])
			whole.ColBERT = colbertBlock(row, vectors[:2])
			add(whole)
			for from := 2; from < len(vectors); from += 2 {
				add(q.goesOn(row, from, vectors[from:min(from+2, len(vectors))]...))
			}
		}
		q.parts(bodies...)
	}, ofOp(wire.OpJoint, nil))
	model, err := newClient(t, s).NewJointEmbedding(background(t), "Fake")
	if err != nil {
		t.Fatal(err)
	}
	texts := numbered(100)
	dense, sparse, colbert := fastembed.OutputDense, fastembed.OutputSparse, fastembed.OutputColBERT
	for _, outputs := range [][]fastembed.Output{nil, {dense}, {sparse}, {colbert}, {colbert, dense}} {
		var opts []fastembed.EmbedOption
		if outputs != nil {
			opts = append(opts, fastembed.WithOutputs(outputs...))
		}
		got, err := model.Embed(background(t), texts, 0, opts...)
		if err != nil {
			t.Fatal(err)
		}
		wants := func(o fastembed.Output) bool { return outputs == nil || slices.Contains(outputs, o) }
		for i, text := range texts {
			var want fastembed.JointEmbedding
			if wants(dense) {
				want.Dense = vector(text, 8)
			}
			if wants(sparse) {
				want.Sparse = sparseOf(text)
			}
			if wants(colbert) {
				want.ColBERT = tokensOf(text)
			}
			if !slices.Equal(got[i].Dense, want.Dense) || !slices.Equal(got[i].Sparse.Indices, want.Sparse.Indices) ||
				!slices.Equal(got[i].Sparse.Values, want.Sparse.Values) || !slices.EqualFunc(got[i].ColBERT, want.ColBERT, slices.Equal) {
				t.Fatalf("outputs %v: text %d has %v, not %v", outputs, i, got[i], want)
			}
		}
	}
	for _, outputs := range [][]fastembed.Output{{}, {dense, dense}, {"bm25"}} {
		if _, err := model.Embed(background(t), texts, 0, fastembed.WithOutputs(outputs...)); !errors.Is(err, fastembed.ErrInvalidRequest) {
			t.Errorf("outputs %q: %v", outputs, err)
		}
	}
}

func TestAnOptionThatAModelDoesNotTakeIsRefusedAndNotIgnored(t *testing.T) {
	s := startServer(t, 1<<20)
	for _, op := range []string{wire.OpText, wire.OpSparse, wire.OpImage, wire.OpRerank, wire.OpJoint} {
		startFake(t, s, nil, ofOp(op, nil))
	}
	client, ctx := newClient(t, s), background(t)
	open := map[string]func(...fastembed.EmbedOption) error{
		"text": func(o ...fastembed.EmbedOption) error {
			_, err := client.NewTextEmbedding(ctx, "Fake", o...)
			return err
		},
		"sparse": func(o ...fastembed.EmbedOption) error {
			_, err := client.NewSparseTextEmbedding(ctx, "Fake", o...)
			return err
		},
		"image": func(o ...fastembed.EmbedOption) error {
			_, err := client.NewImageEmbedding(ctx, "Fake", o...)
			return err
		},
		"rerank": func(o ...fastembed.EmbedOption) error { _, err := client.NewTextRerank(ctx, "Fake", o...); return err },
		"joint": func(o ...fastembed.EmbedOption) error {
			_, err := client.NewJointEmbedding(ctx, "Fake", o...)
			return err
		},
	}
	options := map[string]struct {
		opt   fastembed.EmbedOption
		takes string
	}{
		"WithTruncate":   {fastembed.WithTruncate(true), "text sparse rerank joint"},
		"WithNormalize":  {fastembed.WithNormalize(true), "text image"},
		"WithDimensions": {fastembed.WithDimensions(8), "text image"},
		"WithPrompt":     {fastembed.WithPrompt("query"), "text"},
		"WithOutputs":    {fastembed.WithOutputs(fastembed.OutputDense), "joint"},
		"WithTopN":       {fastembed.WithTopN(1), "rerank"},
		"WithRawScores":  {fastembed.WithRawScores(true), "rerank"},
		"no dimensions":  {fastembed.WithDimensions(0), ""},
		"9 dimensions":   {fastembed.WithDimensions(9), ""},
		"no best":        {fastembed.WithTopN(0), ""},
	}
	for name, option := range options {
		for op, open := range open {
			err := open(option.opt)
			if takes := slices.Contains(strings.Fields(option.takes), op); takes != (err == nil) || !takes && !errors.Is(err, fastembed.ErrInvalidRequest) {
				t.Errorf("%s of %s: %v", name, op, err)
			}
		}
	}
}

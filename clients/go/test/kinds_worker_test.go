package test

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/fastembed-nats/fastembed-nats/clients/go"
)

func alike(t *testing.T, what string, got, want [][]float32, least float64) {
	t.Helper()
	if len(got) != len(want) || len(want) == 0 {
		t.Fatalf("%s: %d rows, %d expected", what, len(got), len(want))
	}
	for i := range want {
		if len(got[i]) != len(want[i]) {
			t.Fatalf("%s: row %d has %d numbers, not %d", what, i, len(got[i]), len(want[i]))
		}
		if c := cosine(got[i], want[i]); !(c >= least) {
			t.Errorf("%s: row %d has cosine %.6f", what, i, c)
		}
	}
}

func alikeSparse(t *testing.T, what string, got, want []fastembed.SparseEmbedding) {
	t.Helper()
	if len(got) != len(want) || len(want) == 0 {
		t.Fatalf("%s: %d rows, %d expected", what, len(got), len(want))
	}
	for i := range want {
		if !slices.Equal(got[i].Indices, want[i].Indices) {
			t.Errorf("%s: row %d has %d other indices than the %d expected", what, i, len(got[i].Indices), len(want[i].Indices))
			continue
		}
		for j, value := range want[i].Values {
			if !nearly(got[i].Values[j], value, 1e-4) {
				t.Errorf("%s: row %d has %v at %d, not %v", what, i, got[i].Values[j], want[i].Indices[j], value)
				break
			}
		}
	}
}

func nearly(x, y float32, tolerance float64) bool {
	return math.Abs(float64(x-y)) <= tolerance*(1+math.Abs(float64(y)))
}

func TestEveryFamilyGivesItsReferenceAsAGoType(t *testing.T) {
	hub, references := generated(t)
	s := startServerWithBucket(t)
	var config strings.Builder
	config.WriteString("[runtime]\nexecutors = 1\n[objects]\nbuckets = [\"images\"]\n")
	for _, name := range familyModels {
		fmt.Fprintf(&config, "[[models]]\nname = %q\n", name)
	}
	startWorkerAt(t, s.url(), config.String(), "HF_HOME="+hub)
	client := newClient(t, s)
	families := map[string]func(*testing.T, *fastembed.Client, string, *expected, string){
		"text": textFamily, "sparse": sparseFamily, "image": imageFamily, "rerank": rerankFamily, "joint": jointFamily,
	}
	for _, name := range familyModels {
		op, model, ok := strings.Cut(name, "/")
		if !ok {
			op, model = "text", name
		}
		t.Run(op+" "+model, func(t *testing.T) {
			families[op](t, client, model, expect(t, references, op, model), references)
		})
	}
	t.Run("objects", func(t *testing.T) { objects(t, s, client, filepath.Join(references, "images")) })
	t.Run("examples", func(t *testing.T) { examples(t, s, filepath.Join(references, "images")) })
}

// examples runs the small program of each kind, each of which prints a line for
// everything that it compares.
func examples(t *testing.T, s *server, pictures string) {
	files, err := filepath.Glob(filepath.Join(pictures, "*"))
	if err != nil || len(files) < 2 {
		t.Fatalf("%d pictures: %v", len(files), err)
	}
	for program, want := range map[string]struct {
		args  []string
		lines int
	}{
		"packed": {[]string{"-model", "BGESmallENV15"}, 2},
		"sparse": {nil, 3},
		"images": {append([]string{"a red boat"}, files[:2]...), 2},
		"rerank": {nil, 4},
		"joint":  {nil, 4},
	} {
		file := filepath.Join(t.TempDir(), program)
		build := exec.Command("go", "build", "-o", file, "./examples/"+program)
		build.Dir = ".."
		if out, err := build.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		cmd := exec.Command(file, want.args...)
		cmd.Env = []string{"NATS_URL=" + s.url(), "NATS_USER=client", "NATS_PASSWORD=client"}
		out, err := cmd.CombinedOutput()
		if lines := strings.Count(string(out), "\n"); err != nil || lines != want.lines {
			t.Errorf("%s: %v, %d lines\n%s", program, err, lines, out)
		}
	}
}

func textFamily(t *testing.T, client *fastembed.Client, name string, e *expected, _ string) {
	model := newModel(t, client, name)
	got, err := model.EmbedDetailed(background(t), e.Texts, 3)
	if err != nil {
		t.Fatal(err)
	}
	vectors := e.rows(t, "vectors")
	alike(t, "vectors", got.Vectors, vectors, 0.9999)
	if !slices.Equal(got.Tokens, e.Tokens) {
		t.Errorf("tokens are %v, not %v", got.Tokens, e.Tokens)
	}
	for encoding, least := range map[fastembed.Encoding]float64{fastembed.EncodingF16: 0.9999, fastembed.EncodingI8: 0.999} {
		packed, err := model.EmbedPacked(background(t), e.Texts, 0, encoding)
		if err != nil {
			t.Fatal(err)
		}
		var rows [][]float32
		for i := range packed.Rows {
			rows = append(rows, packed.Vector(nil, i))
		}
		alike(t, string(encoding), rows, vectors, least)
	}
	bits, err := model.EmbedPacked(background(t), e.Texts, 3, fastembed.EncodingUbinary)
	if err != nil {
		t.Fatal(err)
	}
	for i, row := range bits.Rows {
		for j, x := range bits.Vector(nil, i) {
			if math.Abs(float64(got.Vectors[i][j])) > 1e-6 && (x > 0) != (got.Vectors[i][j] > 0) {
				t.Fatalf("bit %d of %x is not that of %v", j, row, got.Vectors[i][j])
			}
		}
	}
	cut, err := model.Embed(background(t), e.Texts, 0, fastembed.WithDimensions(16))
	if err != nil {
		t.Fatal(err)
	}
	for i := range vectors {
		vectors[i] = vectors[i][:16]
	}
	alike(t, "cut vectors", cut, vectors, 0.9999)
	prompted(t, model, e.Texts[:1], got.Vectors[0])
}

// prompted checks that a prompt changes a vector, where the model has one.
func prompted(t *testing.T, model *fastembed.TextEmbedding, query []string, plain []float32) {
	t.Helper()
	asked, err := model.QueryEmbed(background(t), query, 0)
	if err != nil {
		t.Fatal(err)
	}
	has := slices.Contains(model.Info().Prompts, "query")
	if c := cosine(asked[0], plain); (c > 0.9999) == has {
		t.Errorf("a query's vector has cosine %v with that of the plain text; prompts are %q", c, model.Info().Prompts)
	}
}

func sparseFamily(t *testing.T, client *fastembed.Client, name string, e *expected, _ string) {
	model, err := client.NewSparseTextEmbedding(background(t), name)
	if err != nil {
		t.Fatal(err)
	}
	got, err := model.EmbedDetailed(background(t), e.Texts, 4)
	if err != nil {
		t.Fatal(err)
	}
	documents := e.sparse("values", e.Indices, e.Offsets)
	alikeSparse(t, "documents", got.Vectors, documents)
	if !slices.Equal(got.Tokens, e.Tokens) {
		t.Errorf("tokens are %v, not %v", got.Tokens, e.Tokens)
	}
	asked, err := model.QueryEmbed(background(t), e.Texts, 0)
	if err != nil {
		t.Fatal(err)
	}
	if e.QueryOffsets != nil {
		documents = e.sparse("query_values", e.QueryIndices, e.QueryOffsets)
	}
	alikeSparse(t, "queries", asked, documents)
}

func imageFamily(t *testing.T, client *fastembed.Client, name string, e *expected, references string) {
	model, err := client.NewImageEmbedding(background(t), name)
	if err != nil {
		t.Fatal(err)
	}
	var paths []string
	for _, image := range e.Images {
		paths = append(paths, filepath.Join(references, "images", image))
	}
	got, err := model.EmbedFiles(background(t), paths)
	if err != nil {
		t.Fatal(err)
	}
	alike(t, "vectors", got, e.rows(t, "vectors"), 0.9999)
	picture, err := os.ReadFile(paths[0])
	if err != nil {
		t.Fatal(err)
	}
	vectors, err := model.Embed(background(t), [][]byte{picture, []byte("no picture"), picture}, 0)
	if at := failed(t, err); !slices.Equal(at, []int{1}) {
		t.Fatalf("images %v failed: %v", at, err)
	}
	alike(t, "the others", [][]float32{vectors[0], vectors[2]}, [][]float32{got[0], got[0]}, 0.99999)
	vectors, err = model.Embed(background(t), [][]byte{bytes.Repeat([]byte{1}, 99), {}}, 0)
	if at := failed(t, err); !slices.Equal(at, []int{0, 1}) || vectors[0] != nil {
		t.Fatalf("images %v failed: %v", at, err)
	}
}

func rerankFamily(t *testing.T, client *fastembed.Client, name string, e *expected, _ string) {
	model, err := client.NewTextRerank(background(t), name)
	if err != nil {
		t.Fatal(err)
	}
	for i, query := range e.Queries {
		for array, raw := range map[string]bool{"scores": false, "logits": true} {
			want := e.rows(t, array)[i]
			whole, err := model.RerankDetailed(background(t), query, e.Documents, 0, fastembed.WithRawScores(raw))
			if err != nil {
				t.Fatal(err)
			}
			parts, err := model.RerankDetailed(background(t), query, e.Documents, 2, fastembed.WithRawScores(raw), fastembed.WithTopN(5))
			if err != nil {
				t.Fatal(err)
			}
			if len(whole.Results) != len(want) || len(parts.Results) != 5 || parts.Requests < 2 {
				t.Fatalf("%d results, then %d of %d requests", len(whole.Results), len(parts.Results), parts.Requests)
			}
			for j, r := range whole.Results {
				if !nearly(r.Score, want[r.Index], 1e-4) || r.Document != e.Documents[r.Index] {
					t.Errorf("%s of %d: %v, not %v", array, r.Index, r.Score, want[r.Index])
				}
				if j < 5 && !nearly(parts.Results[j].Score, r.Score, 1e-5) {
					t.Errorf("%s: place %d has %v in several requests, %v in one", array, j, parts.Results[j].Score, r.Score)
				}
			}
			if (whole.ScoreKind == fastembed.ScoreLogit) != raw {
				t.Errorf("scores are %q", whole.ScoreKind)
			}
		}
	}
	if kind := model.Info().ScoreKind; kind != fastembed.ScoreSigmoid {
		t.Errorf("info says %q", kind)
	}
	byCosine, err := client.NewTextRerank(background(t), "BGESmallENV15")
	if err != nil {
		t.Fatal(err)
	}
	got, err := byCosine.RerankDetailed(background(t), e.Queries[0], e.Documents, 0)
	if err != nil || got.ScoreKind != fastembed.ScoreCosine || byCosine.Info().ScoreKind != fastembed.ScoreCosine || len(got.Results) != len(e.Documents) {
		t.Fatalf("by cosine: %+v, %v", got, err)
	}
	comparesPrompted(t, client, "BGESmallENV15", e, got.Results)
}

// comparesPrompted holds the scores of a model of vectors to what it gives for the
// query and for the documents.
func comparesPrompted(t *testing.T, client *fastembed.Client, name string, e *expected, ranked []fastembed.RerankResult) {
	model := newModel(t, client, name)
	query, err := model.QueryEmbed(background(t), e.Queries[:1], 0)
	if err != nil {
		t.Fatal(err)
	}
	documents, err := model.PassageEmbed(background(t), e.Documents, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, each := range ranked {
		if want := fastembed.Dot(query[0], documents[each.Index]); !nearly(each.Score, want, 1e-5) {
			t.Errorf("document %d has score %v, not %v", each.Index, each.Score, want)
		}
	}
}

func jointFamily(t *testing.T, client *fastembed.Client, name string, e *expected, _ string) {
	model, err := client.NewJointEmbedding(background(t), name)
	if err != nil {
		t.Fatal(err)
	}
	got, err := model.EmbedDetailed(background(t), e.Texts, 2)
	if err != nil {
		t.Fatal(err)
	}
	var dense, tokens [][]float32
	var sparse []fastembed.SparseEmbedding
	for i, row := range got.Embeddings {
		dense, sparse, tokens = append(dense, row.Dense), append(sparse, row.Sparse), append(tokens, row.ColBERT...)
		if want := int(e.ColbertOffsets[i+1] - e.ColbertOffsets[i]); len(row.ColBERT) != want {
			t.Errorf("text %d has vectors of %d tokens, not %d", i, len(row.ColBERT), want)
		}
	}
	alike(t, "dense", dense, e.rows(t, "dense"), 0.9999)
	alikeSparse(t, "sparse", sparse, e.sparse("sparse_values", e.SparseIndices, e.SparseOffsets))
	alike(t, "ColBERT", tokens, e.rows(t, "colbert"), 0.9999)
	some, err := model.Embed(background(t), e.Texts[:2], 0, fastembed.WithOutputs(fastembed.OutputSparse))
	if err != nil || some[0].Dense != nil || some[0].ColBERT != nil || !slices.Equal(some[0].Sparse.Indices, sparse[0].Indices) {
		t.Errorf("sparse alone: %+v, %v", some, err)
	}
}

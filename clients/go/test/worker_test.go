package test

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fastembed-nats/fastembed-nats/clients/go"
)

// references reads what other software computes.
func references(t *testing.T) (texts []string, vectors [][]float32, tokens []uint32, truncated []bool) {
	t.Helper()
	var facts struct {
		Dims, Count int
		Tokens      []uint32
		Truncated   []bool
	}
	var sentences []struct{ Text string }
	parse := func(name string, v any) {
		if err := json.Unmarshal(reference(t, name), v); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	parse("references.json", &facts)
	parse("sentences.json", &sentences)
	raw := reference(t, "references.f32")
	if len(sentences) != facts.Count || len(raw) != 4*facts.Count*facts.Dims || facts.Count == 0 {
		t.Fatalf("%d sentences and %d bytes for %d vectors", len(sentences), len(raw), facts.Count)
	}
	for i, s := range sentences {
		texts = append(texts, s.Text)
		row := make([]float32, facts.Dims)
		for j := range row {
			row[j] = math.Float32frombits(binary.LittleEndian.Uint32(raw[4*(i*facts.Dims+j):]))
		}
		vectors = append(vectors, row)
	}
	return texts, vectors, facts.Tokens, facts.Truncated
}

func reference(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(root, "tests", "references", name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func cosine(x, y []float32) float64 {
	var xy, xx, yy float64
	for i := range x {
		a, b := float64(x[i]), float64(y[i])
		xy, xx, yy = xy+a*b, xx+a*a, yy+b*b
	}
	return xy / math.Sqrt(xx*yy)
}

func TestTheWorkersVectorsAreThoseOfTheReference(t *testing.T) {
	s := startServer(t, 1<<20)
	startWorker(t, s, realModel)
	model := newModel(t, newClient(t, s), "AllMiniLML6V2")
	if model.Dimensions() != 384 || model.MaxTokens() != 256 {
		t.Errorf("%d dimensions, %d tokens", model.Dimensions(), model.MaxTokens())
	}
	texts, vectors, tokens, truncated := references(t)
	got, err := model.EmbedDetailed(background(t), texts, 0)
	if err != nil {
		t.Fatal(err)
	}
	for i := range texts {
		if c := cosine(got.Vectors[i], vectors[i]); !(c >= 0.99999) {
			t.Errorf("text %d: cosine %.7f", i, c)
		}
		if got.Tokens[i] != tokens[i] || got.Truncated[i] != truncated[i] {
			t.Errorf("text %d: %d tokens, truncated %v; the reference has %d, %v",
				i, got.Tokens[i], got.Truncated[i], tokens[i], truncated[i])
		}
	}
	t.Run("one bad text among a hundred", func(t *testing.T) { oneBadText(t, model, got.Vectors[5]) })
	t.Run("raw vectors", func(t *testing.T) { rawVectors(t, model) })
}

func oneBadText(t *testing.T, model *fastembed.TextEmbedding, known []float32) {
	texts := make([]string, 100)
	for i := range texts {
		texts[i] = fmt.Sprint("a short text, number ", i)
	}
	all, _, _, _ := references(t)
	texts[41] = strings.Repeat("too long ", 300)
	texts[42] = all[5]
	vectors, err := model.Embed(background(t), texts, 0, fastembed.WithTruncate(false))
	if got := failed(t, err); !slices.Equal(got, []int{41}) || !errors.Is(err, fastembed.ErrInputTooLong) {
		t.Fatalf("texts %v failed: %v", got, err)
	}
	for i, v := range vectors {
		if (v == nil) != (i == 41) {
			t.Errorf("text %d: vector %v", i, v != nil)
		}
	}
	if c := cosine(vectors[42], known); !(c >= 0.99999) {
		t.Errorf("the vector beside the failure has cosine %v", c)
	}
	if vectors, err = model.Embed(background(t), texts, 0); err != nil || vectors[41] == nil {
		t.Errorf("with truncation: %v", err)
	}
}

func rawVectors(t *testing.T, model *fastembed.TextEmbedding) {
	texts := []string{"the harbour at night", "a recipe for soup"}
	unit, err := model.EmbedDetailed(background(t), texts, 0)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := model.EmbedDetailed(background(t), texts, 0, fastembed.WithNormalize(false))
	if err != nil {
		t.Fatal(err)
	}
	if unit.Space == raw.Space || unit.Space != model.Info().Space {
		t.Errorf("spaces are %q and %q", unit.Space, raw.Space)
	}
	for i := range texts {
		length := func(v []float32) (sum float64) {
			for _, x := range v {
				sum += float64(x) * float64(x)
			}
			return math.Sqrt(sum)
		}
		if n := length(unit.Vectors[i]); math.Abs(n-1) > 1e-5 {
			t.Errorf("a unit vector has length %v", n)
		}
		if n := length(raw.Vectors[i]); math.Abs(n-1) < 0.01 {
			t.Errorf("a raw vector has length %v", n)
		}
		if c := cosine(unit.Vectors[i], raw.Vectors[i]); c < 0.99999 {
			t.Errorf("cosine %v", c)
		}
	}
}

func TestTenThousandTextsComeBackInOrderFromTwoRealWorkers(t *testing.T) {
	for _, payload := range payloads {
		t.Run(fmt.Sprint("payload ", payload), func(t *testing.T) {
			s := startServer(t, payload)
			startWorker(t, s, fakeModel("dimensions = 384"))
			startWorker(t, s, fakeModel("dimensions = 384"))
			client := newClient(t, s, fastembed.WithInflight(16))
			model := newModel(t, client, "Fake")
			texts := numbered(10_000)
			single, err := model.Embed(background(t), texts, 1)
			if err != nil {
				t.Fatal(err)
			}
			for _, batch := range []int{0, 4096} {
				result, err := model.EmbedDetailed(background(t), texts, batch)
				if err != nil {
					t.Fatal(err)
				}
				for i := range texts {
					if !slices.Equal(result.Vectors[i], single[i]) {
						t.Fatalf("batch %d: the vector of text %d is not its own", batch, i)
					}
					if result.Tokens[i] != 5 { // three words and two marks
						t.Fatalf("text %d has %d tokens", i, result.Tokens[i])
					}
				}
				if batch == 0 && len(result.Instances) != 2 {
					t.Errorf("instances are %v", result.Instances)
				}
			}
			distinct := map[string]bool{}
			for _, v := range single {
				distinct[fmt.Sprint(v[:4])] = true
			}
			if len(distinct) != len(texts) {
				t.Errorf("%d different vectors", len(distinct))
			}
			models, err := client.Models(background(t))
			bothServe(t, models, err)
		})
	}
}

// bothServe checks that two workers serve Fake, and that a model of text ranks as
// well.
func bothServe(t *testing.T, models []fastembed.Model, err error) {
	t.Helper()
	if err != nil || len(models) != 2 || models[0].Op != "rerank" || models[1].Op != "text" {
		t.Fatalf("models are %+v, %v", models, err)
	}
	for _, m := range models {
		if m.Name != "Fake" || m.Instances != 2 {
			t.Errorf("models are %+v", models)
		}
	}
}

func TestAVectorDoesNotDependOnTheCompanyOfItsText(t *testing.T) {
	for _, payload := range payloads {
		t.Run(fmt.Sprint("payload ", payload), func(t *testing.T) {
			s := startServer(t, payload)
			startWorker(t, s, realModel)
			startWorker(t, s, realModel)
			model := newModel(t, newClient(t, s), "AllMiniLML6V2")
			texts := make([]string, 200)
			for i := range texts {
				texts[i] = fmt.Sprint("a note about ", i, strings.Repeat(" and more", i%20))
			}
			together, err := model.Embed(background(t), texts, 0)
			if err != nil {
				t.Fatal(err)
			}
			for i := 0; i < len(texts); i += 17 {
				alone, err := model.Embed(background(t), texts[i:i+1], 0)
				if err != nil {
					t.Fatal(err)
				}
				for j := range alone[0] {
					if math.Abs(float64(alone[0][j]-together[i][j])) > 1e-5 {
						t.Fatalf("text %d differs in dimension %d: %v alone, %v together", i, j, alone[0][j], together[i][j])
					}
				}
			}
		})
	}
}

func TestAWorkerThatLeavesCostsACallNothing(t *testing.T) {
	s := startServer(t, 1<<20)
	leaving := startWorker(t, s, fakeModel("delay_ms = 5"))
	startWorker(t, s, fakeModel("delay_ms = 5"))
	nc := connect(t, s)
	model := newModel(t, clientOn(t, nc), "Fake")
	texts := numbered(5_000)
	type outcome struct {
		result *fastembed.Embeddings
		err    error
	}
	done := make(chan outcome, 1)
	go func() {
		result, err := model.EmbedDetailed(background(t), texts, 10)
		done <- outcome{result, err}
	}()
	for leaving.answered(t, nc) < 10 {
		// asks again: a round trip each
	}
	leaving.stop(t)
	select {
	case <-done:
		t.Fatal("the call was over before the worker left")
	default:
	}
	got := await(t, done, "the call")
	if got.err != nil {
		t.Fatal(got.err)
	}
	if len(got.result.Instances) != 2 {
		t.Errorf("instances are %v", got.result.Instances)
	}
	again, err := model.Embed(background(t), texts, 100)
	if err != nil {
		t.Fatal(err)
	}
	for i := range texts {
		if !slices.Equal(got.result.Vectors[i], again[i]) {
			t.Fatalf("the vector of text %d is not its own", i)
		}
	}
}

func TestFaultsOfAModelReachTheirCallersAlone(t *testing.T) {
	s := startServer(t, 1<<20)
	startWorker(t, s, fakeModel(`panic_on = "boom"`+"\n"+`nan_on = "void"`))
	client := newClient(t, s)
	model := newModel(t, client, "Fake")

	if _, err := model.Embed(background(t), []string{"a boom b"}, 0); !errors.Is(err, fastembed.ErrInternal) {
		t.Errorf("a panic: got %v", err)
	}
	texts := numbered(10)
	texts[4] = "the void"
	vectors, err := model.Embed(background(t), texts, 0)
	if got := failed(t, err); !slices.Equal(got, []int{4}) || !errors.Is(err, fastembed.ErrInternal) {
		t.Errorf("NaN: texts %v failed: %v", got, err)
	}
	if vectors[4] != nil || vectors[5] == nil {
		t.Error("NaN: the wrong vector is missing")
	}
	if _, err := model.Embed(background(t), numbered(10), 0); err != nil {
		t.Errorf("afterwards: %v", err)
	}
	if _, err := client.NewTextEmbedding(background(t), "Unknown"); !errors.Is(err, fastembed.ErrModelNotFound) {
		t.Errorf("an unknown model: %v", err)
	}
}

func TestARealWorkerThatIsTooSlowCostsTheDeadlineAndNoMore(t *testing.T) {
	s := startServer(t, 1<<20)
	startWorker(t, s, fakeModel("delay_ms = 2000"))
	model := newModel(t, newClient(t, s), "Fake")
	const limit = 200 * time.Millisecond
	best := time.Hour
	for range 5 {
		ctx, cancel := context.WithTimeout(context.Background(), limit)
		start := time.Now()
		_, err := model.Embed(ctx, numbered(1), 0)
		best = min(best, time.Since(start))
		cancel()
		if !errors.Is(err, fastembed.ErrDeadlineExceeded) || !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("got %v", err)
		}
	}
	if best > limit+100*time.Millisecond {
		t.Errorf("the quickest of five took %v", best)
	}
}

func TestTheDemoFindsWhatItMust(t *testing.T) {
	s := startServer(t, 1<<20)
	program := filepath.Join(t.TempDir(), "demo")
	build := exec.Command("go", "build", "-o", program, "./examples/demo")
	build.Dir = ".."
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	demo := func() (string, error) {
		cmd := exec.Command(program)
		cmd.Env = []string{"NATS_URL=" + s.url(), "NATS_USER=client", "NATS_PASSWORD=client"}
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	if out, err := demo(); err == nil || !strings.Contains(out, "no worker") {
		t.Errorf("without a worker: %v\n%s", err, out)
	}
	startWorker(t, s, realModel)
	startWorker(t, s, realModel)
	out, err := demo()
	if err != nil || !strings.HasSuffix(out, "\ndemo: ok\n") {
		t.Errorf("%v\n%s", err, out)
	}
	t.Log("\n" + out)
}

func TestTheDemosReferenceIsACopyOfTheProjects(t *testing.T) {
	var copied struct {
		Text   string
		Tokens uint32
		Vector []float32
	}
	b, err := os.ReadFile(filepath.Join("..", "examples", "demo", "reference.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &copied); err != nil {
		t.Fatal(err)
	}
	texts, vectors, tokens, _ := references(t)
	i := slices.Index(texts, copied.Text)
	if i < 0 || tokens[i] != copied.Tokens || !slices.Equal(vectors[i], copied.Vector) {
		t.Errorf("reference.json is not the entry of tests/references for %q", copied.Text)
	}
}

package test

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"github.com/fastembed-nats/fastembed-nats/clients/go"
)

// familyModels are one model of each family of the catalogue, in which models of
// other kinds than text have their operation before their name.
var familyModels = []string{
	"BGESmallENV15", "MultilingualE5Small", "ClipVitB32",
	"sparse/SPLADEPPV1", "sparse/OpenSearchNeuralSparseDocV3Gte", "sparse/BGEM3",
	"image/ClipVitB32", "image/Resnet50",
	"rerank/BGERerankerBase", "rerank/JINARerankerV1TurboEn",
	"joint/BGEM3Q",
}

// generated makes small models under these names, and says what each should give
// by ONNX Runtime and the Hugging Face tokenizers and image processors
// (tests/models).
func generated(t *testing.T) (hub, references string) {
	t.Helper()
	folder := t.TempDir()
	list, err := exec.Command(found(t, "target/release/fastembed-worker", "make build"), "models", "--json").Output()
	if err != nil {
		t.Fatal(err)
	}
	var all, some []map[string]any
	if err := json.Unmarshal(list, &all); err != nil {
		t.Fatal(err)
	}
	for _, entry := range all {
		name := fmt.Sprint(entry["name"])
		if entry["op"] != "text" {
			name = fmt.Sprint(entry["op"], "/", name)
		}
		if slices.Contains(familyModels, name) {
			some = append(some, entry)
		}
	}
	if len(some) != len(familyModels) {
		t.Fatalf("the catalogue has %d of %d models", len(some), len(familyModels))
	}
	entries, err := json.Marshal(some)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(folder, "entries.json")
	if err := os.WriteFile(file, entries, 0o600); err != nil {
		t.Fatal(err)
	}
	hub, references = filepath.Join(folder, "hub"), filepath.Join(folder, "references")
	for _, args := range [][]string{{"tests/models", file, hub}, {"tests/models/references.py", file, hub, references}} {
		cmd := exec.Command(found(t, ".setup/venv/bin/python", "make setup"), args...)
		cmd.Dir = root
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %v\n%s", args, err, out)
		}
	}
	return hub, references
}

// expected is what one model should give; see tests/models/references.py.
type expected struct {
	Texts, Queries, Documents, Images []string
	Tokens, Indices, Offsets          []uint32
	QueryIndices                      []uint32 `json:"query_indices"`
	QueryOffsets                      []uint32 `json:"query_offsets"`
	SparseIndices                     []uint32 `json:"sparse_indices"`
	SparseOffsets                     []uint32 `json:"sparse_offsets"`
	ColbertOffsets                    []uint32 `json:"colbert_offsets"`
	Arrays                            map[string]struct {
		Shape  []int
		Offset int
	}
	numbers []float32
}

func expect(t *testing.T, references, op, model string) *expected {
	t.Helper()
	var e expected
	read := func(ending string) []byte {
		b, err := os.ReadFile(filepath.Join(references, op+"_"+model+ending))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	if err := json.Unmarshal(read(".json"), &e); err != nil {
		t.Fatal(err)
	}
	raw := read(".f32")
	e.numbers = make([]float32, len(raw)/4)
	for i := range e.numbers {
		e.numbers[i] = math.Float32frombits(binary.LittleEndian.Uint32(raw[4*i:]))
	}
	return &e
}

// rows are those of an array of two dimensions.
func (e *expected) rows(t *testing.T, name string) [][]float32 {
	t.Helper()
	array, ok := e.Arrays[name]
	if !ok || len(array.Shape) != 2 {
		t.Fatalf("array %q has shape %v", name, array.Shape)
	}
	var rows [][]float32
	for i := range array.Shape[0] {
		from := array.Offset + i*array.Shape[1]
		rows = append(rows, e.numbers[from:from+array.Shape[1]])
	}
	return rows
}

// sparse are the rows of a list of values.
func (e *expected) sparse(name string, indices, offsets []uint32) []fastembed.SparseEmbedding {
	values := e.numbers[e.Arrays[name].Offset:]
	var rows []fastembed.SparseEmbedding
	for i := range len(offsets) - 1 {
		from, to := offsets[i], offsets[i+1]
		rows = append(rows, fastembed.SparseEmbedding{Indices: indices[from:to], Values: values[from:to]})
	}
	return rows
}

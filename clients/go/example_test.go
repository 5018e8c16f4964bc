package fastembed_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/fastembed-nats/fastembed-nats/clients/go"
)

func Example() {
	nc, err := nats.Connect(nats.DefaultURL)
	if err != nil {
		log.Fatal(err)
	}
	defer nc.Close()
	client, err := fastembed.New(nc)
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()

	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	model, err := client.NewTextEmbedding(ctx, "AllMiniLML6V2")
	if err != nil {
		log.Fatal(err)
	}
	vectors, err := model.Embed(ctx, []string{"hello", "world"}, 0)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(len(vectors), "vectors of", model.Dimensions(), "dimensions")
}

// A service that indexes documents in the background leaves the fast lane to
// others, and asks for more requests in flight.
func ExampleNew() {
	nc, err := nats.Connect(nats.DefaultURL, nats.MaxReconnects(-1))
	if err != nil {
		log.Fatal(err)
	}
	client, err := fastembed.New(nc,
		fastembed.WithLane(fastembed.LaneBulk),
		fastembed.WithInflight(32),
		fastembed.WithDefaultTimeout(5*time.Minute))
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
}

// Texts that fail leave the vectors of the others intact.
func ExampleTextEmbedding_Embed() {
	var model *fastembed.TextEmbedding // from Client.NewTextEmbedding
	texts := []string{"short", "a text of more tokens than the model takes"}

	vectors, err := model.Embed(context.Background(), texts, 0, fastembed.WithTruncate(false))
	var failed *fastembed.BatchError
	switch {
	case errors.As(err, &failed):
		for _, item := range failed.Items {
			log.Printf("text %d: %v", item.Index, item.Err)
		}
	case errors.Is(err, fastembed.ErrOverloaded):
		log.Print("the fleet is too small, or the deadline too short")
	case err != nil:
		log.Fatal(err)
	}
	for i, vector := range vectors {
		if vector != nil {
			fmt.Println(texts[i], len(vector))
		}
	}
}

// The detailed result says what a call cost and who did it.
func ExampleTextEmbedding_EmbedDetailed() {
	var model *fastembed.TextEmbedding // from Client.NewTextEmbedding
	result, err := model.EmbedDetailed(context.Background(), []string{"hello", "world"}, 0)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(result.Tokens, result.Truncated, result.Instances, result.Timings.Elapsed)
}

func ExampleClient_Models() {
	var client *fastembed.Client // from New
	models, err := client.Models(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	for _, m := range models {
		fmt.Printf("%s %s: %d workers\n", m.Op, m.Name, m.Instances)
	}
}

// Sparse vectors are compared by the words that they share.
func ExampleSparseTextEmbedding_QueryEmbed() {
	var model *fastembed.SparseTextEmbedding // from Client.NewSparseTextEmbedding
	ctx := context.Background()
	documents, err := model.PassageEmbed(ctx, []string{"a text", "another"}, 0)
	if err != nil {
		log.Fatal(err)
	}
	queries, err := model.QueryEmbed(ctx, []string{"what is looked for"}, 0)
	if err != nil {
		log.Fatal(err)
	}
	for _, document := range documents {
		fmt.Println(queries[0].Dot(document))
	}
}

// Files that are no images fail alone.
func ExampleImageEmbedding_EmbedFiles() {
	var model *fastembed.ImageEmbedding // from Client.NewImageEmbedding
	paths := []string{"a.png", "b.jpg"}
	vectors, err := model.EmbedFiles(context.Background(), paths)
	var failed *fastembed.BatchError
	if errors.As(err, &failed) {
		for _, item := range failed.Items {
			log.Printf("%s: %v", paths[item.Index], item.Err)
		}
	} else if err != nil {
		log.Fatal(err)
	}
	fmt.Println(len(vectors))
}

func ExampleTextRerank_Rerank() {
	var model *fastembed.TextRerank // from Client.NewTextRerank
	documents := []string{"on the ice", "in the desert"}
	best, err := model.Rerank(context.Background(), "where do penguins live?", documents, 0, fastembed.WithTopN(1))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(best[0].Score, best[0].Document)
}

// One pass gives what a first search needs, and what looks closer.
func ExampleJointTextEmbedding_Embed() {
	var model *fastembed.JointTextEmbedding // from Client.NewJointEmbedding
	result, err := model.Embed(context.Background(), []string{"a query", "a document"}, 0,
		fastembed.WithOutputs(fastembed.OutputDense, fastembed.OutputColBERT))
	if err != nil {
		log.Fatal(err)
	}
	query, document := result[0], result[1]
	fmt.Println(fastembed.Cosine(query.Dense, document.Dense), fastembed.MaxSim(query.ColBERT, document.ColBERT))
}

// Vectors of one bit a dimension are 32 times smaller, and good enough to find
// what a closer look then ranks.
func ExampleTextEmbedding_EmbedPacked() {
	var model *fastembed.TextEmbedding // from Client.NewTextEmbedding
	packed, err := model.EmbedPacked(context.Background(), []string{"hello", "world"}, 0, fastembed.EncodingUbinary)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(fastembed.Hamming(packed.Rows[0], packed.Rows[1]), "bits differ")
}

func ExampleTopK() {
	query := []byte{0b1111_0000}
	rows := [][]byte{{0b0000_1111}, {0b1111_0001}, nil, {0b1110_0000}, {0b1111_0000}}
	hits := fastembed.TopK(nil, 3, len(rows), func(i int) (float32, bool) {
		return float32(-fastembed.Hamming(query, rows[i])), rows[i] != nil
	})
	fmt.Println(hits)
	// Output: [{4 0} {1 -1} {3 -1}]
}

func ExampleSparseEmbedding_Dot() {
	query := fastembed.SparseEmbedding{Indices: []uint32{3, 17}, Values: []float32{1, 2}}
	document := fastembed.SparseEmbedding{Indices: []uint32{3, 8, 17}, Values: []float32{0.5, 4, 0.25}}
	fmt.Println(query.Dot(document))
	// Output: 1
}

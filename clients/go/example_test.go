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

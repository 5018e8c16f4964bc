package main

import (
	_ "embed"
	"encoding/json"
	"fmt"
)

// corpus is what is searched. The second sentence is the reference's.
var corpus = []string{
	"The queue hands each request to whichever worker is free.",
	"The workers answer on a bus, and the client never sees which one it was.",
	"A certificate expired at midnight and every login failed until morning.",
	"Backups run at three and are copied to another building.",
	"Knead the dough for ten minutes, then let it rise under a damp cloth.",
	"Roast the peppers until their skins are black, then peel them.",
	"The ferry to the islands leaves twice a day in winter.",
	"Our train stood outside the station for an hour because of a broken signal.",
	"Penguins huddle together to keep warm through the polar night.",
	"An octopus can squeeze through a gap no larger than its beak.",
	"The striker scored twice in the last five minutes of the final.",
	"She ran the marathon in under three hours on a rainy Sunday.",
	"Interest rates rose again, and so did the price of a mortgage.",
	"The choir rehearses in the old church on Thursday evenings.",
	"Drink plenty of water and rest until the fever is gone.",
	"Jupiter's largest moon is bigger than the planet Mercury.",
}

// queries are what is looked for, with the sentence that must come first.
var queries = []struct {
	text string
	want int
}{
	{"how do I bake bread?", 4},
	{"nobody could sign in because the TLS cert was out of date", 2},
	{"animals that live in the Antarctic cold", 8},
	{"borrowing money to buy a house", 12},
	{"delays on the railway", 7},
}

//go:embed reference.json
var referenceJSON []byte

// reference is a vector that was computed by other software than the workers.
type reference struct {
	Text   string    `json:"text"`
	Tokens uint32    `json:"tokens"`
	Vector []float32 `json:"vector"`
}

func loadReference() (*reference, error) {
	var r reference
	if err := json.Unmarshal(referenceJSON, &r); err != nil {
		return nil, fmt.Errorf("reference.json: %w", err)
	}
	return &r, nil
}

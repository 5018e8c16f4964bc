package test

import (
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/fastembed-nats/fastembed-nats/clients/go"
	"github.com/fastembed-nats/fastembed-nats/clients/go/internal/wire"
)

// twoAccounts starts a server with exactly config/accounts.conf.
func twoAccounts(t *testing.T) *server {
	t.Helper()
	return startServerWith(t, "config/accounts.conf", "")
}

func TestAnAnswerInPartsCrossesAccountsWhole(t *testing.T) {
	s := twoAccounts(t)
	startWorker(t, s, fakeModel("dimensions = 384"))
	startWorker(t, s, fakeModel("dimensions = 384"))
	model := newModel(t, newClient(t, s), "Fake")
	texts := numbered(4000) // 6 MB of vectors
	for _, batch := range []int{4000, 0} {
		vectors, err := model.Embed(background(t), texts, batch)
		if err != nil {
			t.Fatal(err)
		}
		for i := 0; i < len(texts); i += 97 {
			alone, err := model.Embed(background(t), texts[i:i+1], 1)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(vectors[i], alone[0]) {
				t.Fatalf("batch %d: the vector of text %d is not its own", batch, i)
			}
		}
	}
}

func TestSignsOfLifeCrossAccounts(t *testing.T) {
	s := twoAccounts(t)
	// Longer than the silence after which a worker counts as dead.
	startWorker(t, s, fakeModel("dimensions = 384\ndelay_ms = 4500"))
	nc := connect(t, s)
	model := newModel(t, clientOn(t, nc, fastembed.WithRetry(fastembed.NoRetry())), "Fake")
	result, err := model.EmbedDetailed(background(t), numbered(4), 0)
	if err != nil || result.Requests != 1 {
		t.Fatalf("%v, %+v", err, result)
	}
	// The frames themselves, and the empty message at the end.
	replies := make(chan *nats.Msg, 100)
	inbox := nc.NewInbox()
	sub, err := nc.ChanSubscribe(inbox, replies)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = sub.Unsubscribe() }()
	ask := &nats.Msg{Subject: "fastembed.v1.text.Fake", Reply: inbox, Data: []byte(`{"inputs":["a"]}`),
		Header: nats.Header{wire.HeaderAccept: {"parts, alive"}}}
	if err := nc.PublishMsg(ask); err != nil {
		t.Fatal(err)
	}
	var kinds []string
	for {
		m := await(t, replies, "a reply")
		switch {
		case len(m.Data) == 0 && len(m.Header) == 0:
			if n := len(kinds); n < 4 || kinds[n-1] != "part" || slices.Contains(kinds[:n-1], "part") {
				t.Errorf("before the end came %v", kinds)
			}
			return
		case m.Header.Get(wire.HeaderParts) == "1":
			kinds = append(kinds, "part")
		default:
			kinds = append(kinds, "alive")
		}
	}
}

func TestAWorkerThatDiesInAnotherAccountIsNoticed(t *testing.T) {
	s := twoAccounts(t)
	doomed := startWorker(t, s, fakeModel("delay_ms = 5000"))
	model := newModel(t, newClient(t, s), "Fake")
	done := make(chan error, 1)
	go func() {
		_, err := model.Embed(background(t), numbered(1), 0)
		done <- err
	}()
	operator := s.connect(t, "operator", nats.CustomInboxPrefix("_INBOX.operator"))
	for doomed.inFlight(t, operator) == 0 {
		// asks again: a round trip each
	}
	doomed.kill(t)
	startWorker(t, s, fakeModel(""))
	if err := await(t, done, "an answer of the other worker"); err != nil {
		t.Fatal(err)
	}
}

func TestModelsAndTheirAbsenceAreSeenAcrossAccounts(t *testing.T) {
	s := twoAccounts(t)
	client := newClient(t, s)
	start := time.Now()
	if _, err := client.NewTextEmbedding(background(t), "Fake"); !errors.Is(err, fastembed.ErrModelNotFound) {
		t.Errorf("without a worker: %v", err)
	}
	if took := time.Since(start); took > patience/2 {
		t.Errorf("which took %v", took)
	}
	startWorker(t, s, fakeModel(""))
	startWorker(t, s, fakeModel(""))
	models, err := client.Models(background(t))
	bothServe(t, models, err)
}

// A request that crosses accounts has a reply subject of the server's making,
// so the worker's guard sees nothing of the one that the caller named. It holds
// in the caller's own account.
func TestAReplySubjectOfAnotherAccountNeverReachesTheWorkersAccount(t *testing.T) {
	file, err := os.ReadFile(found(t, "config/accounts.conf", "git checkout"))
	if err != nil {
		t.Fatal(err)
	}
	lists := strings.Split(string(file), "users: [")
	if len(lists) != 3 {
		t.Fatalf("config/accounts.conf has %d lists of users", len(lists)-1)
	}
	s := startServerOf(t, lists[0]+"users: [{user: seer, password: seer}"+lists[1]+
		"users: [{user: owner, password: owner}"+lists[2])
	startWorker(t, s, fakeModel(""))
	seen := make(chan *nats.Msg, 100)
	seer := s.connect(t, "seer")
	if _, err := seer.ChanSubscribe(">", seen); err != nil {
		t.Fatal(err)
	}
	own := make(chan *nats.Msg, 100)
	owner := s.connect(t, "owner")
	replies := []string{"orders.new", "$JS.API.STREAM.DELETE.X", "fastembed.ctl.v1.admin.load", "_INBOX.worker.x"}
	for _, reply := range replies {
		if _, err := owner.ChanSubscribe(reply, own); err != nil {
			t.Fatal(err)
		}
	}
	flush(t, seer, owner)
	nc := connect(t, s)
	for _, reply := range replies {
		ask := &nats.Msg{Subject: "fastembed.v1.text.Fake", Reply: reply, Data: []byte(`{"inputs":["a"]}`)}
		if err := nc.PublishMsg(ask); err != nil {
			t.Fatal(err)
		}
		await(t, own, "an answer in the caller's own account")
	}
	flush(t, seer)
	if len(seen) != 2*len(replies) {
		t.Errorf("%d messages in the workers' account", len(seen))
	}
	for range len(seen) {
		if m := <-seen; m.Subject != "fastembed.v1.text.Fake" && !strings.HasPrefix(m.Subject, "_R_.") {
			t.Errorf("%s was published to in the workers' account", m.Subject)
		}
	}
}

// flush returns when the server has done all that was asked before.
func flush(t *testing.T, conns ...*nats.Conn) {
	t.Helper()
	for _, nc := range conns {
		if err := nc.Flush(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestAnApplicationSeesNothingOfTheWorkersAccount(t *testing.T) {
	s := startServerWith(t, "config/accounts.conf", "")
	w := startWorker(t, s, fakeModel(""))
	errs := make(chan error, 100)
	nc := connect(t, s, nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { errs <- err }))
	for _, subject := range []string{
		">", "fastembed.v1.>", "fastembed.ctl.v1.>", "_R_.>", "_INBOX.>", "_INBOX.worker.>", "$SRV.>", "$SYS.>", "$JS.>",
	} {
		sub, err := nc.SubscribeSync(subject)
		if err != nil {
			t.Fatal(err)
		}
		if err := await(t, errs, "a refusal of "+subject); !errors.Is(err, nats.ErrPermissionViolation) {
			t.Errorf("%s: %v", subject, err)
		}
		_ = sub.Unsubscribe()
	}
	for _, subject := range []string{
		"fastembed.ctl.v1.inst." + w.instance + ".text.Fake", "fastembed.ctl.v1.admin.load",
		"$SRV.STATS", "$SRV.STATS.other", "_R_.x", "_INBOX.worker.x", "$JS.API.INFO",
	} {
		if err := nc.Publish(subject, nil); err != nil {
			t.Fatal(err)
		}
		if err := await(t, errs, "a refusal of "+subject); !errors.Is(err, nats.ErrPermissionViolation) {
			t.Errorf("%s: %v", subject, err)
		}
	}
}

package fastembed

import (
	"context"
	"errors"
	"testing"

	"github.com/nats-io/nats.go"
)

func TestAnAttemptThatIsOverLeavesNothingBehind(t *testing.T) {
	in := newInbox(nil)
	in.base, in.sub = "_INBOX.x.", &nats.Subscription{} // as if subscribed
	box, reply, err := in.open(context.Background(), "a", 2, 10, noLife)
	if err != nil || reply != "_INBOX.x.a" {
		t.Fatalf("reply subject %q, %v", reply, err)
	}
	in.deliver(&nats.Msg{Subject: reply, Data: []byte("12345")})
	in.deliver(&nats.Msg{Subject: "_INBOX.x.b", Data: []byte("of another attempt")})
	if msgs, over := box.take(); len(msgs) != 1 || over {
		t.Errorf("%d messages, over %v", len(msgs), over)
	}
	in.drop("a")
	in.deliver(&nats.Msg{Subject: reply})
	if msgs, _ := box.take(); len(msgs) != 0 || len(in.boxes) != 0 {
		t.Errorf("%d late messages, %d mailboxes", len(msgs), len(in.boxes))
	}
}

func TestAMailboxHoldsNoMoreThanItWasMadeFor(t *testing.T) {
	for name, data := range map[string]string{"messages": "1", "bytes": "12345678901"} {
		box := &mailbox{messages: 2, bytes: 10, life: noLife, ready: make(chan struct{}, 1)}
		for range 100 {
			box.put(&nats.Msg{Data: []byte(data)})
		}
		if msgs, over := box.take(); len(msgs) > 2 || !over {
			t.Errorf("%s: %d messages, over %v", name, len(msgs), over)
		}
	}
}

func TestAMailboxHoldsOneSignOfLifeBesideTheAnswer(t *testing.T) {
	life := func(m *nats.Msg) bool { return len(m.Data) == 0 }
	box := &mailbox{messages: 2, bytes: 2, life: life, ready: make(chan struct{}, 1)}
	for range 2 {
		for range 100 {
			box.put(&nats.Msg{})
		}
		box.put(&nats.Msg{Data: []byte("1")})
		if msgs, over := box.take(); len(msgs) != 2 || over {
			t.Fatalf("%d messages, over %v", len(msgs), over)
		}
	}
}

func TestAClosedInboxOpensNothing(t *testing.T) {
	in := newInbox(nil)
	in.close()
	if _, _, err := in.open(context.Background(), "a", 1, 1, noLife); !errors.Is(err, ErrClosed) {
		t.Errorf("got %v", err)
	}
}

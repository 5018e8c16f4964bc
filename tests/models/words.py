"""What the small tokenizers know, and the texts that models are tried with."""

KNOWN = """
the a an and or of in on at to for from with by as is are was were be been has have had not no it its this that these
we you they he she i my your our their what which who when where why how all any each more most some one two three four
time year day week hour minute water house city river mountain road tree forest field sea wind rain snow sun moon star
light dark red green blue black white old new long short high low warm cold fast slow small large good bad first last
man woman child people friend family teacher doctor cook farmer writer dog cat bird horse fish bread milk apple wine
salt table door window book letter word song story picture map train ship car bridge market school bank court office
work play run walk sing write read open close build break carry bring send take give make find lose keep sell buy learn
price cost money trade law rule war peace king queen vote power army art music science number line point circle square
data query search index vector model token text image result server client message queue network memory disk file code
error test key value table user name list map set type size speed limit engine machine language method system
""".split()
ENDINGS = "s es ed er ing ly est ness tion al ment able ful less y".split()
LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"
MARKS = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"
FOREIGN = "äöüßéèàçñøåłабвгдеиклнорст山水大小人日月火木中文字"

TEXTS = [
    "The river runs from the mountain to the sea.",
    "A cook writes down the price of bread and salt.",
    "Which index keeps the vector of a query in memory?",
    "Two horses, one cart: the farmer was late for the market!",
    "Snow fell on the old bridge all night long.",
    "The court has not closed the case against the bank.",
    "error: token limit reached (size=4096, speed=low)",
    "Wie warm ist das Wasser im März? Über 7 Grad.",
    "山水 大 小 人",
    "She sings an old song about the moon and a black cat.",
    "Teachers learn from children more than they give.",
    "def search(query, limit=10): return engine.find(query)[:limit]",
    "Peace is cheaper than war, said the writer of the letter.",
    "What is the fastest train between the two cities?",
    "apple apple apple apple apple wine",
    "Large machines break; small machines are lost.",
    "New rules of trade: milk, fish and wine cost more this year.",
    "The doctor opened a window and the light came in.",
    "Messages wait in a queue until a server takes them.",
    "One circle, three squares and a line make a picture of a house.",
]
# Beyond every learned table of positions but those of BGE-M3.
LONG = " ".join(f"{KNOWN[7 * i % len(KNOWN)]} {KNOWN[11 * i % len(KNOWN)]}" for i in range(400))
QUERIES = ["what is the price of bread", "how does a queue keep messages in memory"]


def pairs():
    """Twenty pairs of a query and a document."""
    return [(QUERIES[i % 2], text) for i, text in enumerate(TEXTS)]

package reports

import "strings"

// The measures of a picture, in its own units: boxes for hops, arrows for legs, and the letters of its two sizes of type.
const (
	boxWidth   = 150
	boxHeight  = 54
	legWidth   = 120
	lineHeight = 13
	stubWidth  = 34 // what is drawn of a leg that leads nowhere
	wayMargin  = 16
	smallChar  = 6 // width of a letter of the small type, which has one width
)

// picture is a TrafficPath as it is drawn: every text with its place. The template writes it as SVG, and escapes what stands in it.
type picture struct {
	Width, Height int
	Text          string // the same in words
	Boxes         []pictureBox
	Legs          []pictureLeg
	Labels        []pictureLabel
}

// pictureBox is a hop. Look is a class: "", "unknown", "odd" or "wrong".
type pictureBox struct {
	X, Y   int
	Look   string
	Double bool
}

// pictureLeg is an arrow; a broken one ends in a cross.
type pictureLeg struct {
	X1, X2, Y, Cross int // where the cross is; 0: there is none
	Look             string
}

// pictureLabel is one line of text, shortened to what there is room for.
type pictureLabel struct {
	X, Y        int
	Class       string
	Text, Whole string // Whole is empty where Text is all of it
}

// draw lays the picture out, one way below the other; nil where there is nothing to draw.
func draw(p *TrafficPath) *picture {
	if p == nil || len(p.Ways) == 0 {
		return nil
	}
	d := &picture{Text: p.Text(), Height: 2}
	for _, way := range p.Ways {
		d.way(way)
	}
	if p.More > 0 {
		d.label(pictureLabel{X: 1, Y: d.Height + lineHeight - 4, Class: "small", Text: p.more()}, 100)
		d.Height += lineHeight + 2
	}
	for _, hop := range p.Beside {
		d.label(pictureLabel{X: 1, Y: d.Height + lineHeight - 4, Class: "small", Text: "beside: " + string(hop.Role) + " " + hop.title() + ": " + hop.Note}, 100)
		d.Height += lineHeight + 2
	}
	return d
}

// way draws the hops of one way from left to right, each with its words below it.
func (d *picture) way(way Way) {
	top, deepest, x := d.Height, 0, 1
	var notes []string
	if way.Times > 1 {
		notes = append(notes, counted(way.Times, "time"))
	}
	if way.RequestID != "" {
		notes = append(notes, "request id "+way.RequestID)
	}
	if len(notes) > 0 {
		d.label(pictureLabel{X: x, Y: top + lineHeight - 3, Class: "small", Text: strings.Join(notes, ", ")}, 100)
		top += lineHeight + 4
	}
	for i, hop := range way.Hops {
		if i > 0 {
			d.leg(hop, x, top)
			x += legWidth
		}
		d.box(hop, x, top)
		deepest = max(deepest, d.words(hop, x, top+boxHeight+lineHeight))
		x += boxWidth
		if hop.State == HopEnded {
			d.Legs = append(d.Legs, pictureLeg{X1: x, X2: x + stubWidth - 8, Y: top + boxHeight/2, Cross: x + stubWidth - 8, Look: "wrong"})
			x += stubWidth
		}
	}
	d.Width = max(d.Width, x+6)
	d.Height = top + boxHeight + deepest*lineHeight + wayMargin
}

func (d *picture) box(hop Hop, x, y int) {
	d.Boxes = append(d.Boxes, pictureBox{X: x, Y: y, Look: hop.look(), Double: hop.Lines > 1})
	name, place := hop.Name, hop.Address
	if place == "" || hop.Role == RoleGateway || hop.Role == RoleWorkload {
		if workload, namespace, ok := strings.Cut(name, "."); ok && hop.Role != RoleUpstream {
			name, place = workload, namespace
		}
	}
	d.label(pictureLabel{X: x + 10, Y: y + 15, Class: "role", Text: string(hop.Role)}, 20)
	d.label(pictureLabel{X: x + 10, Y: y + 31, Class: "name", Text: name}, 19)
	d.label(pictureLabel{X: x + 10, Y: y + 45, Class: "small", Text: place}, (boxWidth-16)/smallChar)
}

// words are what the hop testifies, below its box, as far as the next box; it tells how many lines they take.
func (d *picture) words(hop Hop, x, y int) int {
	said := hop.Testimony()
	for i, text := range said {
		class := "small"
		if hop.IsTrouble() && i == len(said)-1 {
			class = "small " + hop.look()
		}
		d.label(pictureLabel{X: x, Y: y + i*lineHeight, Class: class, Text: text}, (boxWidth+legWidth-8)/smallChar)
	}
	return len(said)
}

// leg is the arrow to the box that begins at x+legWidth, with protocol and TLS above it, and what TLS named below.
func (d *picture) leg(hop Hop, x, top int) {
	line := pictureLeg{X1: x, X2: x + legWidth, Y: top + boxHeight/2}
	if hop.State == HopUnreached {
		line.X2, line.Cross, line.Look = x+legWidth-20, x+legWidth-20, "wrong"
	}
	d.Legs = append(d.Legs, line)
	if hop.Leg == nil {
		return
	}
	above, below := hop.Leg.split()
	const room, middle = (legWidth - 4) / smallChar, legWidth / 2
	d.label(pictureLabel{X: x + middle, Y: line.Y - 6, Class: "small middle", Text: above}, room)
	for i, word := range below {
		class := "small middle"
		if word == noSNI {
			class += " odd"
		}
		d.label(pictureLabel{X: x + middle, Y: line.Y + lineHeight + i*(lineHeight-1), Class: class, Text: word}, room)
	}
}

// split is what a leg has above its arrow, and what below, line by line.
func (l *Leg) split() (above string, below []string) {
	words := l.Words()
	heads := 0
	for _, head := range []string{l.Protocol, l.TLS} {
		if head != "" {
			heads++
		}
	}
	return strings.Join(words[:heads], " · "), words[heads:]
}

// label writes a text into room for so many letters.
func (d *picture) label(label pictureLabel, room int) {
	if label.Text = oneLine(label.Text); label.Text == "" {
		return
	}
	if whole := label.Text; len([]rune(whole)) > room {
		label.Text, label.Whole = squeezed(whole, room), whole
	}
	d.Labels = append(d.Labels, label)
	d.Width = max(d.Width, label.X+len([]rune(label.Text))*smallChar+2)
}

// look is the class of a hop's colours.
func (h Hop) look() string {
	switch {
	case h.State == HopEnded || h.State == HopUnreached:
		return "wrong"
	case h.IsTrouble():
		return "odd"
	case h.State == HopUnknown:
		return "unknown"
	}
	return ""
}

// squeezed is a long text without its middle: names differ at both ends.
func squeezed(text string, room int) string {
	letters := []rune(text)
	head := (room - 1) * 2 / 3
	return string(letters[:head]) + "…" + string(letters[len(letters)-(room-1-head):])
}

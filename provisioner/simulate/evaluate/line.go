package evaluate

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"time"

	"github.com/serflow/serflow-go/provisioner/simulate/compare"
)

// Line is what a policy came to in a cell. Money is US dollars an hour.
type Line struct {
	Cell     string // its name
	Variant  string // none in the main grid
	Profile  string
	Prices   string
	SLO      float64 // in full passes
	VCPUs    float64
	Boot     time.Duration
	Traffic  string
	Ran      string // the date
	Seconds  int    // of traffic
	Requests float64
	Seeds    int

	Policy    string
	Dollars   float64
	Half      float64 // of the 95 % confidence interval
	VMs       float64 // of the dollars
	Functions float64
	Bound     float64 // what nothing can stay below
	Busy      float64 // share of the VMs' slots
	Within    float64 // share of the requests in time
	Good      float64 // share of the minutes with 99 % in time
	Met       bool    // the SLO, in the minutes of all seeds
	P99       float64 // seconds
	Why       string  // there are no figures: of the policy, or of the cell if it has no policy
}

// Oracle tells whether the policy knows what is to come.
func (l Line) Oracle() bool {
	return l.Policy == compare.RateOracle || l.Policy == compare.OfflineOptimal
}

// Lines writes and reads lines as CSV.
type Lines []Line

var header = []string{
	"cell", "variant", "profile", "prices", "slo passes", "vcpus", "boot", "traffic", "ran", "seconds", "requests", "seeds",
	"policy", "dollars", "±", "vms", "functions", "bound", "busy", "within", "good minutes", "met", "p99", "why not",
}

func number(x float64) string { return strconv.FormatFloat(x, 'g', 5, 64) }

func (l Line) fields() []string {
	return []string{
		l.Cell, l.Variant, l.Profile, l.Prices, number(l.SLO), number(l.VCPUs), l.Boot.String(), l.Traffic, l.Ran, strconv.Itoa(l.Seconds), number(l.Requests), strconv.Itoa(l.Seeds),
		l.Policy, number(l.Dollars), number(l.Half), number(l.VMs), number(l.Functions), number(l.Bound), number(l.Busy), number(l.Within), number(l.Good), strconv.FormatBool(l.Met), number(l.P99), l.Why,
	}
}

// Write appends lines to what there is; the header goes first if there is nothing yet.
func (all Lines) Write(out io.Writer, fresh bool) error {
	w := csv.NewWriter(out)
	if fresh {
		_ = w.Write(header) // Error has it
	}
	for _, l := range all {
		_ = w.Write(l.fields())
	}
	w.Flush()
	return w.Error()
}

// Read is the lines of a file that Write has written. If the last is broken off, its cell is left out.
func Read(in io.Reader) (all Lines, err error) {
	r := csv.NewReader(in)
	for {
		row, err := r.Read()
		if err == io.EOF {
			return all, nil
		}
		at, _ := r.FieldPos(0)
		if errors.Is(err, csv.ErrFieldCount) {
			if _, err := r.Read(); err == io.EOF {
				return all.without(row[0]), nil
			}
		}
		if err == nil && row[0] == header[0] {
			continue
		}
		var l Line
		if err == nil {
			l, err = parse(row)
		}
		if err != nil {
			return nil, fmt.Errorf("evaluate: cells, line %d: %w: delete the file to begin anew", at, err)
		}
		all = append(all, l)
	}
}

func (all Lines) without(cell string) Lines {
	return slices.DeleteFunc(all, func(l Line) bool { return l.Cell == cell })
}

func parse(row []string) (l Line, err error) {
	if len(row) != len(header) {
		return l, fmt.Errorf("%d fields, want %d", len(row), len(header))
	}
	var errs []error
	float := func(text string) float64 {
		x, err := strconv.ParseFloat(text, 64)
		errs = append(errs, err)
		return x
	}
	whole := func(text string) int {
		n, err := strconv.Atoi(text)
		errs = append(errs, err)
		return n
	}
	l = Line{
		Cell: row[0], Variant: row[1], Profile: row[2], Prices: row[3], SLO: float(row[4]), VCPUs: float(row[5]), Traffic: row[7], Ran: row[8],
		Seconds: whole(row[9]), Requests: float(row[10]), Seeds: whole(row[11]),
		Policy: row[12], Dollars: float(row[13]), Half: float(row[14]), VMs: float(row[15]), Functions: float(row[16]), Bound: float(row[17]), Busy: float(row[18]),
		Within: float(row[19]), Good: float(row[20]), P99: float(row[22]), Why: row[23],
	}
	boot, err := time.ParseDuration(row[6])
	l.Boot = boot
	met, err2 := strconv.ParseBool(row[21])
	l.Met = met
	return l, errors.Join(append(errs, err, err2)...)
}

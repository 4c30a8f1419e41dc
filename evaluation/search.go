package evaluation

import "context"

// vectors are rows of dim numbers, each of length 1.
type vectors struct {
	dim  int
	data []float32 // [n dim]
}

func (v vectors) len() int { return len(v.data) / v.dim }

func (v vectors) row(i int) []float32 { return v.data[i*v.dim : (i+1)*v.dim] }

// rows are n rows from the first on.
func (v vectors) rows(first, n int) []float32 { return v.data[first*v.dim : (first+n)*v.dim] }

// blockSize is how many queries and images of the bank are compared at a time.
type blockSize struct{ queries, bank int }

// defaultBlock makes 8 MiB of cosines, however many images there are.
var defaultBlock = blockSize{queries: 512, bank: 4096}

// search compares queries with a bank, a block of both at a time.
type search struct {
	bank, queries vectors
	product       Product
	block         blockSize
	progress      func(done, total int64) // nil: nobody is told
	// earlier compares each query only with what comes before it: queries and bank are
	// the same.
	earlier bool
}

// cosines calls visit with the cosines [m n] of m queries from q on with n images of the
// bank from b on, for one block of queries after another, and flush after the last block
// of the bank for those queries. It stops with ctx's error once that is done.
func (s search) cosines(ctx context.Context, visit func(cosines []float32, q, m, b, n int) error, flush func(q, m int) error) error {
	block := make([]float32, min(s.block.queries, s.queries.len())*min(s.block.bank, s.bank.len()))
	total := int64(s.queries.len()) * int64(s.bank.len())
	var done int64
	for q := 0; q < s.queries.len(); q += s.block.queries {
		m := min(s.block.queries, s.queries.len()-q)
		for b := 0; b < s.bank.len(); b += s.block.bank {
			if err := ctx.Err(); err != nil {
				return err
			}
			n := min(s.block.bank, s.bank.len()-b)
			if !s.earlier || b < q+m {
				if err := s.product.Mul(block[:m*n], s.queries.rows(q, m), s.bank.rows(b, n), m, n, s.bank.dim); err != nil {
					return err
				}
				if err := visit(block[:m*n], q, m, b, n); err != nil {
					return err
				}
			}
			done += int64(m) * int64(n)
			if s.progress != nil {
				s.progress(done, total)
			}
		}
		if err := flush(q, m); err != nil {
			return err
		}
	}
	return nil
}

// nearest gives found the k nearest images of the bank, or all if there are fewer, of
// each query in order. Which they are is decided by cosines in float64, so that it depends
// neither on the product nor on the number of processors. What is found is valid until
// the call returns.
func (s search) nearest(ctx context.Context, k int, found func(query int, near []neighbour) error) error {
	nearest := make([]neighbours, min(s.block.queries, s.queries.len()))
	for i := range nearest {
		nearest[i] = newNeighbours(min(k, s.bank.len()), s.product.Error(s.bank.dim))
	}
	return s.cosines(ctx, func(cosines []float32, q, m, b, n int) error {
		parallel(m, func(i int) {
			query := s.queries.row(q + i)
			nearest[i].offer(cosines[i*n:(i+1)*n], b, func(image int) float64 { return dot(query, s.bank.row(image)) })
		})
		return nil
	}, func(q, m int) error {
		for i := range m {
			if err := found(q+i, nearest[i].sorted()); err != nil {
				return err
			}
			nearest[i].reset()
		}
		return nil
	})
}

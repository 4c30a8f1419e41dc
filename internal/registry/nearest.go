package registry

import "strings"

// Nearest is the candidate that name was most likely meant to be: the one at
// the least edit distance (ignoring case), if that is at most a third of the
// longer of the two, or failing that the first one that name begins or that
// begins name. It is "" if nothing is near. Ties go to the earlier candidate.
func Nearest(name string, candidates []string) string {
	if name == "" {
		return ""
	}
	lower := strings.ToLower(name)
	best, bestDistance := "", -1
	for _, c := range candidates {
		d := editDistance(lower, strings.ToLower(c))
		if 3*d > max(len(name), len(c)) {
			continue
		}
		if bestDistance < 0 || d < bestDistance {
			best, bestDistance = c, d
		}
	}
	if best != "" {
		return best
	}
	for _, c := range candidates {
		l := strings.ToLower(c)
		if strings.HasPrefix(l, lower) || strings.HasPrefix(lower, l) {
			return c
		}
	}
	return ""
}

// editDistance counts the insertions, deletions, substitutions and swaps of
// neighbours between a and b (optimal string alignment), byte by byte.
func editDistance(a, b string) int {
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}

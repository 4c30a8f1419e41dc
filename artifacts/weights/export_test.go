package weights

// RecognisedBy lists the layouts but for fallbacks that recognise a file.
func RecognisedBy(path string) (names []string) {
	s, err := openSource(path)
	if err != nil {
		return nil
	}
	defer s.Close()
	for name, l := range layouts.All() {
		if !l.Fallback && len(l.Recognise(s)) > 0 {
			names = append(names, name)
		}
	}
	return names
}

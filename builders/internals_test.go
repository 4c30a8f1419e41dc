package builders

// ResizeAndCrop is for the external tests.
var ResizeAndCrop = resizeAndCrop

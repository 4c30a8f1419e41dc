package coco

// XYWH is a box as COCO's files have it: left edge, top edge, width, height, in
// pixels; the origin is the top left corner of the image.
type XYWH [4]float64

// XYXY is a box as detectors have it: left, top, right, bottom, in pixels.
type XYXY [4]float64

// Boxes are the boxes of one image.
type Boxes []XYXY

// XYXY converts a box. Because of rounding, converting back does not always
// give the same bits, so scores are computed on XYWH alone.
func (b XYWH) XYXY() XYXY { return XYXY{b[0], b[1], b[0] + b[2], b[1] + b[3]} }

// XYWH converts a box.
func (b XYXY) XYWH() XYWH { return XYWH{b[0], b[1], b[2] - b[0], b[3] - b[1]} }

// Area is width times height.
func (b XYWH) Area() float64 { return b[2] * b[3] }

// Area is width times height.
func (b XYXY) Area() float64 { return (b[2] - b[0]) * (b[3] - b[1]) }

// BoxIoU computes the overlap of D detections with G ground truths:
//
//	IoU(d, g) = |d ∩ g| / |d ∪ g|,   or |d ∩ g| / |d| where g is a crowd.
//
// crowd has G entries, or is nil where nothing is a crowd. The result is
// [DxG], row by row: IoU(d, g) is at d*G+g. Values are those of
// pycocotools.mask.iou, bit for bit.
func BoxIoU(dt, gt []XYWH, crowd []bool) []float64 {
	out := make([]float64, len(dt)*len(gt))
	for d := range dt {
		for g := range gt {
			out[d*len(gt)+g] = boxIoU(&dt[d], &gt[g], crowd != nil && crowd[g])
		}
	}
	return out
}

func boxIoU(d, g *XYWH, crowd bool) float64 {
	w := min(d[2]+d[0], g[2]+g[0]) - max(d[0], g[0])
	if w <= 0 {
		return 0
	}
	h := min(d[3]+d[1], g[3]+g[1]) - max(d[1], g[1])
	if h <= 0 {
		return 0
	}
	// The conversions keep compilers of other processors than amd64 from fusing
	// a product with a sum, which would round differently.
	inter, dArea := float64(w*h), float64(d[2]*d[3])
	if crowd {
		return inter / dArea
	}
	return inter / (dArea + float64(g[2]*g[3]) - inter)
}

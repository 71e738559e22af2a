package simulate_test
import ("testing";"fmt";"time";"math";"gonum.org/v1/gonum/stat";"gonum.org/v1/gonum/stat/distuv";"github.com/serflow/serflow-go/provisioner/profile")
func TestZZ(t *testing.T){
 e,_:=profile.Exponential([]time.Duration{meanService})
 ln,_:=profile.LogNormal([]time.Duration{meanService},1.2)
 for _,q:=range []queueing{{4,.5,e},{1,.5,e},{1,.95,ln}} {
  t0:=time.Now(); m:=q.run(t,2000000,1)
  fmt.Println(q.slots,q.load,time.Since(t0),stat.Mean(m.wait[:],nil),stat.Mean(m.waiting[:],nil))
 }
 _=distuv.Normal{};_=math.Pi
}

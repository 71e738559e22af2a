package main
import ("testing";"fmt";"context";"sort";"github.com/serflow/serflow-go/provisioner/simulate")
func TestZZ(t *testing.T){
 m,_:=profiles(context.Background())
 tr:=traces{requests:100000}
 tb:=table{m[0],situations[0],8}
 s:=tb.scenario(variants[0],tr,0,1)
 c:=map[string]int{}
 s.Observe=func(o simulate.Outcome){ if o.Err!=nil {c[fmt.Sprintf("%v after %v worked %v",o.Err,(o.Ended-o.Arrived)/2000000*2, o.Worked>0)]++}}
 r,err:=simulate.Run(context.Background(),s)
 if err!=nil{t.Fatal(err)}
 fmt.Printf("%+v\n%+v\n%+v\n%v\n",r.Failed,r.VMs,r.Functions,s.Plan)
 var ks []string; for k:=range c{ks=append(ks,k)}; sort.Strings(ks); for _,k:=range ks{fmt.Println(c[k],k)}
}

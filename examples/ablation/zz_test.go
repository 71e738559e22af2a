package main
import ("testing";"fmt";"context";"github.com/serflow/serflow-go/provisioner/simulate")
func TestZZ(t *testing.T){
 m,_:=profiles(context.Background())
 tr:=traces{requests:100000}
 tb:=table{m[0],situations[0],2}
 s:=tb.scenario(variants[0],tr,0,1)
 r,err:=simulate.Run(context.Background(),s)
 if err!=nil{t.Fatal(err)}
 fmt.Printf("%+v\n%+v\n%+v\n%v\n",r.Failed,r.VMs,r.Functions,s.Plan)
 fmt.Println(m[0].reach, m[0].work())
}
